"""Routes that start, open and stop sessions.

A form may not lead to another origin, so launching leads to a page of ours, which goes on to the tool.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trailmark.errors import NotFound
from trailmark.pages.links import Links
from trailmark.sessions.launch import TOOLS
from trailmark.sessions.session import Session
from trailmark.sessions.stop import statuses
from trailmark.web.carried_out import follow
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.launching.work import find_launch, start_launch, start_stop
from trailmark.web.masthead import project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False)


@router.post("/p/{owner}/{name}/launch")
def start(site: Here, project: OpenProject, tool: Annotated[str, Form()] = TOOLS[0]) -> Response:
    """Start a tool in the background and show how far it is."""
    job = start_launch(site, project, tool)
    return see_other(f"{Links.of(project.owner, project.name).base}/launching/{job.id}")


@router.get("/p/{owner}/{name}/launching/{job_id}")
def launching(request: Request, site: Here, project: OpenProject, job_id: str) -> Response:
    """Show how far a start is, and go on to the tool when it is ready."""
    job = site.jobs.get(job_id)
    url = _open_session(site, project).url if job.state == "done" else None
    return site.page(request, "launching/launching.html", project=project, job=job, url=url)


@router.get("/p/{owner}/{name}/launching/{job_id}/state")
def state(request: Request, site: Here, project: OpenProject, job_id: str) -> HTMLResponse:
    """Show how far a start is, as a piece of its page; leads on when it is ready."""
    job = site.jobs.get(job_id)
    piece = site.fragment(request, "launching/state.html", job=job)
    if job.state == "done":
        piece.headers["HX-Redirect"] = f"{Links.of(project.owner, project.name).base}/open"
    return piece


@router.get("/p/{owner}/{name}/open")
def open_tool(site: Here, project: OpenProject) -> Response:
    """Lead to the tool that runs on the project, or to its progress while it is being started."""
    job = find_launch(site, project)
    if job is not None:
        return see_other(f"{Links.of(project.owner, project.name).base}/launching/{job.id}")
    return RedirectResponse(_open_session(site, project).url, status_code=303)


@router.get("/p/{owner}/{name}/launch-button")
def launch_button(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show what can be launched, opened or stopped now, as a piece of every page of the project."""
    return site.fragment(request, "layout/launch.html", frame=project_frame(site, request, project, None))


@router.post("/p/{owner}/{name}/stop")
def end(request: Request, site: Here, project: OpenProject, sure: Annotated[str, Form()] = "") -> Response:
    """Stop what runs on the project, once that was confirmed; everything that it did is recorded first."""
    links = Links.of(project.owner, project.name)
    if not sure:
        question = Confirmation(
            title="Stop JupyterLab?",
            explains=(
                "Its kernels end, and with them whatever they hold in memory.",
                "Everything that was run is on the trail, and open documents stay as they were last saved.",
            ),
            action=f"{links.base}/stop",
            label="Stop it",
            back=links.overview,
        )
        return confirm(request, site, project, question)

    told = "JupyterLab has stopped. Everything that it did is on the trail."
    return follow(site, start_stop(site, project), told=told, back=links.overview)


def _open_session(site: Site, project: OpenProject) -> Session:
    running = statuses(site.services.settings, site.services.engine, project)
    if not running:
        raise NotFound(f"Nothing runs on {project.name} any more. Launch it again.")
    return running[-1].session
