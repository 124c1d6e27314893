"""Route of the machine's page."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from trailmark.machine import abilities
from trailmark.web.site import Here

router = APIRouter(include_in_schema=False)


@router.get("/machine")
def machine(request: Request, site: Here) -> HTMLResponse:
    """Show what this machine has and lacks."""
    found = abilities(site.services.settings)
    lacking = [ability for ability in found if not ability.ok]
    return site.page(
        request,
        "machine_page/machine.html",
        abilities=found,
        lacking=lacking,
        settings=site.services.settings,
    )
