"""What every page needs: the services, jobs and events of this client, its templates, and the frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote, unquote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse, Response

from trailmark.activity.index import Facets, Index
from trailmark.pages import templates
from trailmark.pages.frame import Frame, Theme
from trailmark.pages.highlight import highlight
from trailmark.projects.importing import ImportPlan
from trailmark.projects.project import Project
from trailmark.web.events import Events
from trailmark.web.jobs import Jobs
from trailmark.web.reading import Reading
from trailmark.web.security import Door, csrf_of
from trailmark.web.summaries import Summaries
from trailmark.wiring import Services

WEB = Path(__file__).parent
STATIC = WEB / "static"
THEME_COOKIE = "trailmark-theme"
TOLD_COOKIE = "trailmark-told"
_FIRST_TEMPLATES = (
    "home/home.html",
    "overview/overview.html",
    "activity/activity.html",
    "record/page.html",
    "files/folder.html",
    "environment/environment.html",
    "jobs_page/tray.html",
)


@dataclass(frozen=True)
class Site:
    """One running client."""

    services: Services
    door: Door
    jobs: Jobs
    summaries: Summaries
    events: Events
    templates: Environment
    reading: Reading = field(default_factory=Reading)
    imports: dict[str, ImportPlan] = field(default_factory=dict, repr=False)
    _facets: dict[Path, tuple[str, Facets]] = field(default_factory=dict, repr=False)

    def facets(self, project: Project, index: Index) -> Facets:
        """Return what there is to choose from in a project; counted anew only when its trail has changed."""
        seen = self.events.seen(project.path)
        known = self._facets.get(project.path)
        if known is None or known[0] != seen:
            known = (seen, index.facets())
            self._facets[project.path] = known
        return known[1]

    def frame(self, request: Request) -> Frame:
        """Return what stands around a page that shows no project."""
        return Frame(
            csrf=csrf_of(request),
            theme=_theme(request),
            person=self.services.settings.person.name,
            events=f"/events?seen={self.events.seen(None)}",
            jobs="/jobs/tray",
        )

    def page(
        self, request: Request, template: str, *, status: int = 200, frame: Frame | None = None, **view: Any
    ) -> HTMLResponse:
        """Render a template of this folder (`home/home.html`) with its view model."""
        tone, told = _untold(request)
        html = self.templates.get_template(f"web/{template}").render(
            frame=frame or self.frame(request), told=told, told_tone=tone, **view
        )
        response = HTMLResponse(html, status_code=status)
        if told:
            response.delete_cookie(TOLD_COOKIE)
        return response

    def fragment(
        self, request: Request, template: str, *, frame: Frame | None = None, **view: Any
    ) -> HTMLResponse:
        """Render a piece of a page, for htmx."""
        frame = frame or Frame(csrf=csrf_of(request))
        return HTMLResponse(self.templates.get_template(f"web/{template}").render(frame=frame, **view))

    def warm_up(self) -> None:
        """Load what the first pages would otherwise wait for."""
        highlight("x = 1", "python")
        for name in _FIRST_TEMPLATES:
            self.templates.get_template(f"web/{name}")


def build_site(services: Services, door: Door) -> Site:
    """Put a client together; nothing runs before the first page is open."""
    events = Events(services.settings.home)
    made = templates.environment({"web": WEB})
    made.filters.update(ticks=ticks, sentence=lambda text: text[:1].upper() + text[1:])
    made.globals.update(web_static=lambda name: f"/static/web/{name}?v={_version(STATIC / name)}")
    return Site(
        services=services,
        door=door,
        jobs=Jobs(lambda: events.tell_all("jobs")),
        summaries=Summaries(services.settings, lambda: events.tell_all("files")),
        events=events,
        templates=made,
    )


def site_of(request: Request) -> Site:
    """Return the client that answers `request`."""
    return cast("Site", request.app.state.site)


Here = Annotated[Site, Depends(site_of)]


def see_other(address: str, told: str | None = None, *, tone: str = "good") -> Response:
    """Lead to another page after a form was carried out; `told` is said there, once."""
    response = RedirectResponse(address, status_code=303)
    if told:
        response.set_cookie(
            TOLD_COOKIE, quote(f"{tone}:{told}"[:1500]), max_age=60, samesite="strict", httponly=True
        )
    return response


@lru_cache(maxsize=16)
def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def ticks(text: str) -> Markup:
    """Return a text of ours with what stands between backticks shown as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 and number < len(parts) - 1 else escape(part)
        for number, part in enumerate(parts)
    )


def _theme(request: Request) -> Theme:
    chosen = request.cookies.get(THEME_COOKIE)
    return cast("Theme", chosen) if chosen in ("light", "dark") else "auto"


def _untold(request: Request) -> tuple[str, str | None]:
    """Return what the page before wants to be said on this one, with its tone."""
    tone, colon, text = unquote(request.cookies.get(TOLD_COOKIE, "")).partition(":")
    return (tone, text) if colon and tone in ("good", "warn", "bad", "neutral") else ("neutral", None)
