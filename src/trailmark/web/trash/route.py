"""Routes of the trash."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from trailmark.errors import AlreadyExists, InvalidInput
from trailmark.pages.links import Links
from trailmark.pages.wording import count
from trailmark.progress import Progress
from trailmark.projects.delete import empty_trash, list_trash, restore_project
from trailmark.web.carried_out import carry_out
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False, prefix="/trash")


@router.get("")
def trash(request: Request, site: Here) -> HTMLResponse:
    """Show the deleted projects."""
    return _page(request, site)


@router.post("/restore")
def restore(
    request: Request,
    site: Here,
    trashed: Annotated[str, Form()],
    new_name: Annotated[str, Form()] = "",
) -> Response:
    """Put a project back, under another name if its own is taken."""
    try:
        project = restore_project(site.services.settings, trashed, name=new_name.strip() or None)
    except (AlreadyExists, InvalidInput) as error:
        return _page(request, site, failed=trashed, error=str(error))
    return see_other(Links.of(project.owner, project.name).overview, f"{project.name} is back.")


@router.post("/destroy")
def destroy(
    request: Request,
    site: Here,
    trashed: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Destroy one project of the trash, or all; asks first."""
    settings = site.services.settings
    chosen = [item for item in list_trash(settings) if trashed in ("", item.id)]
    if not chosen:
        return see_other("/trash", "The trash is empty.")
    what = chosen[0].name if trashed else count(len(chosen), "project")
    if not sure:
        question = Confirmation(
            title=f"Destroy {what} for good?",
            explains=("Files, trail and secrets are removed from this machine.", "This cannot be undone."),
            action="/trash/destroy",
            label="Destroy",
            back="/trash",
            fields=(("trashed", trashed),),
            danger=True,
        )
        return confirm(request, site, None, question)

    def work(progress: Progress) -> str:
        progress.step(f"Removing {what}")
        empty_trash(settings, [item.id for item in chosen])
        return "/trash"

    return carry_out(site, f"Destroying {what}", work, told=f"{what} is gone.", back="/trash")


def _page(
    request: Request, site: Site, *, failed: str | None = None, error: str | None = None
) -> HTMLResponse:
    items = list_trash(site.services.settings)
    status = 422 if error else 200
    return site.page(request, "trash/trash.html", status=status, items=items, failed=failed, error=error)
