"""Route of the machine's page."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from trailmark.web.site import Here

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
