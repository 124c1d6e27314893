"""Routes of the machine's page, and of making room on it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from trailmark.pages.wording import filesize
from trailmark.progress import Progress
from trailmark.sessions.clean import DAYS, Found, Unused, find_unused, remove_unused
from trailmark.web.carried_out import carry_out
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.site import Here, Site, see_other

_PAGE = "/machine"
_SHOWN = 12

router = APIRouter(include_in_schema=False)


@router.get("/machine")
def machine(request: Request, site: Here) -> HTMLResponse:
    """Show what this machine has and lacks."""
    found = site.services.examine()
    lacking = [check for check in found if not check.ok]
    return site.page(
        request,
        "machine_page/machine.html",
        checks=found,
        lacking=lacking,
        settings=site.services.settings,
    )


@router.get("/machine/unused")
def unused(request: Request, site: Here) -> Response:
    """Show what nothing uses any more, and ask whether it shall go."""
    found = _find(site)
    if not found.items:
        return see_other(_PAGE, "Nothing here is without use.")
    return confirm(request, site, None, _question(found))


@router.post("/machine/unused")
def remove(site: Here, sure: Annotated[str, Form()] = "") -> Response:
    """Remove what nothing uses any more, once confirmed."""
    if not sure:
        return see_other(f"{_PAGE}/unused")

    def work(progress: Progress) -> str:
        progress.step("Looking for what nothing uses")
        items, services = _find(site).items, site.services
        remove_unused(services.settings, services.engine, services.container_engines(), items, progress)
        return _PAGE

    return carry_out(site, "Making room", work, told="What nothing uses is gone.", back=_PAGE)


def _find(site: Site) -> Found:
    services = site.services
    return find_unused(services.settings, services.engine, services.container_engines())


def _question(found: Found) -> Confirmation:
    return Confirmation(
        title="Remove what nothing uses?",
        explains=(
            f"No branch of any project names these now, and nothing has used them for {DAYS} days:",
            *_listed(found.items),
            f"Without them there is at least {filesize(found.bytes)} more room.",
            "Whoever goes back to an old state has its environment made again from its lock.",
            *(f"Not read, so what it names is not known: {problem}" for problem in found.unread),
        ),
        action=f"{_PAGE}/unused",
        label="Remove them",
        back=_PAGE,
        danger=True,
    )


def _listed(items: Sequence[Unused]) -> list[str]:
    more = len(items) - _SHOWN
    lines = [
        f"{filesize(item.bytes)}: {item.about} ({item.engine}, {item.name[:30]})" for item in items[:_SHOWN]
    ]
    return [*lines, *([f"and {more} more"] if more > 0 else [])]
