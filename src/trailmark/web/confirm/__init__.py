"""Asking once more before something that a person may not have meant: a page, so that it needs no script."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import HTMLResponse

from trailmark.pages.frame import Tab
from trailmark.projects.project import Project
from trailmark.web.masthead import project_frame
from trailmark.web.site import Site


@dataclass(frozen=True)
class Confirmation:
    """What is asked. The form is sent again with `sure`; `typed` is a word that must be typed with it."""

    title: str
    explains: tuple[str, ...]
    action: str
    label: str
    back: str
    fields: tuple[tuple[str, str], ...] = ()
    danger: bool = False
    typed: str | None = None
    tab: Tab | None = None
    error: str | None = None


def confirm(
    request: Request, site: Site, project: Project | None, question: Confirmation, *, status: int = 200
) -> HTMLResponse:
    """Show the question, in the frame of its project if it is about one."""
    frame = project_frame(site, request, project, question.tab) if project else site.frame(request)
    layout = "web/layout/project.html" if project else "web/layout/site.html"
    return site.page(
        request, "confirm/confirm.html", status=status, frame=frame, question=question, layout=layout
    )
