"""The application: every route of the client, behind one guard."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles

from trailmark.pages import templates
from trailmark.web import (
    activity,
    api,
    branches,
    environment,
    events_route,
    exporting,
    failures,
    files,
    home,
    importing,
    jobs_page,
    keys_route,
    launching,
    machine_page,
    overview,
    record,
    settings_page,
    trash,
)
from trailmark.web.security import Door, Guard, require_csrf
from trailmark.web.site import STATIC, WEB, build_site
from trailmark.wiring import Services

PORT = 8700
_PAGES = (
    keys_route,
    events_route,
    home,
    jobs_page,
    machine_page,
    launching,
    overview,
    activity,
    record,
    environment,
    files,
    branches,
    settings_page,
    trash,
    importing,
    exporting,
    api,
)


def create_app(services: Services, *, door: Door | None = None) -> FastAPI:
    """Return the client's application. `door` says on which port it listens and who was let in."""
    door = door or Door(port=PORT)
    app = FastAPI(
        title="Trailmark",
        summary="The projects on this machine and everything that happened in them.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        dependencies=[Depends(require_csrf)],
    )
    app.state.site = build_site(services, door)
    failures.install(app)
    for page in _PAGES:
        app.include_router(page.router)
    app.mount("/static/web", StaticFiles(directory=STATIC), name="web")
    app.mount("/static", StaticFiles(directory=templates.STATIC), name="static")
    refusal = (WEB / "refused" / "refused.html").read_text(encoding="utf-8")
    app.add_middleware(Guard, door=door, refusal_page=refusal)
    return app
