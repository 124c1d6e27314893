"""Routes that start, open and stop sessions.

A form may not lead to another origin, so launching leads to a page of ours, which goes on to the tool.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trailmark.errors import NotFound
from trailmark.pages.links import Links
from trailmark.projects.secret_files import keep_secret_file, missing_secret_files
from trailmark.projects.secrets import missing_secrets, set_secret
from trailmark.sessions.apps import find_choice
from trailmark.sessions.session import Session
from trailmark.sessions.tools.catalogue import DEFAULT
from trailmark.web.carried_out import follow
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.launching.work import find_launch, start_launch, start_stop, tool_of_launch
from trailmark.web.masthead import project_frame, sessions_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False)


@router.post("/p/{owner}/{name}/launch")
def start(
    request: Request,
    site: Here,
    project: OpenProject,
    tool: Annotated[str, Form()] = DEFAULT,
    engine: Annotated[str, Form()] = "",
    without: Annotated[str, Form()] = "",
) -> Response:
    """Start a tool in the background and show how far it is; ask first for secrets that have no value."""
    choice = find_choice(project, tool)
    missing, files = missing_secrets(project), missing_secret_files(project)
    if (missing or files) and not without:
        return site.page(
            request, "launching/secrets.html", project=project, tool=choice, engine=engine, missing=missing,
            files=files, links=Links.of(project.owner, project.name),
        )  # fmt: skip
    job = start_launch(site, project, tool, engine or None)
    return see_other(f"{Links.of(project.owner, project.name).base}/launching/{job.id}")


@router.post("/p/{owner}/{name}/launch-secrets")
async def give_secrets(request: Request, site: Here, project: OpenProject) -> Response:
    """Keep the values and files that were given for the project's secrets, then start the tool."""
    form = await request.form()
    for name in missing_secret_files(project):
        file = form.get(f"file:{name}")
        if isinstance(file, UploadFile) and file.filename:
            keep_secret_file(project, name, await file.read())
    for name in missing_secrets(project):
        value = form.get(f"secret:{name}")
        if isinstance(value, str) and value:
            set_secret(project, name, value)
    tool, engine = (str(form.get(name) or "") for name in ("tool", "engine"))
    job = start_launch(site, project, tool or DEFAULT, engine or None)
    return see_other(f"{Links.of(project.owner, project.name).base}/launching/{job.id}")


@router.get("/p/{owner}/{name}/launching/{job_id}")
def launching(request: Request, site: Here, project: OpenProject, job_id: str) -> Response:
    """Show how far a start is, and go on to the tool when it is ready."""
    job = site.jobs.get(job_id)
    tool = find_choice(project, tool_of_launch(job))
    url = _address(request, _running(site, project, tool=tool.id)) if job.state == "done" else None
    return site.page(request, "launching/launching.html", project=project, job=job, url=url, tool=tool)


@router.get("/p/{owner}/{name}/launching/{job_id}/state")
def state(request: Request, site: Here, project: OpenProject, job_id: str) -> HTMLResponse:
    """Show how far a start is, as a piece of its page; leads on when it is ready."""
    job = site.jobs.get(job_id)
    tool = find_choice(project, tool_of_launch(job))
    piece = site.fragment(request, "launching/state.html", job=job, tool=tool)
    if job.state == "done":
        piece.headers["HX-Redirect"] = job.link or f"{Links.of(project.owner, project.name).base}/open"
    return piece


@router.get("/p/{owner}/{name}/open")
def open_tool(
    request: Request, site: Here, project: OpenProject, session: str | None = None, tool: str | None = None
) -> Response:
    """Lead to a tool that runs on the project, or to its progress while it is being started."""
    job = find_launch(site, project, tool or DEFAULT) if session is None else None
    if job is not None:
        return see_other(f"{Links.of(project.owner, project.name).base}/launching/{job.id}")
    running = _running(site, project, session=session, tool=tool)
    response = RedirectResponse(_address(request, running), status_code=303)
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/p/{owner}/{name}/launch-button")
def launch_button(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show what can be launched, opened or stopped now, as a piece of every page of the project."""
    return site.fragment(request, "layout/launch.html", frame=project_frame(site, request, project, None))


@router.post("/p/{owner}/{name}/stop")
def end(
    request: Request,
    site: Here,
    project: OpenProject,
    sure: Annotated[str, Form()] = "",
    session: Annotated[str, Form()] = "",
) -> Response:
    """Stop what runs on the project, or one session, once confirmed; everything that it did is recorded first."""
    links = Links.of(project.owner, project.name)
    title = _title(site, project, session)
    if not sure:
        question = Confirmation(
            title=f"Stop {title}?",
            explains=(
                "Its programs end, and with them whatever they hold in memory.",
                "Everything that was run is on the trail, and open documents stay as they were last saved.",
            ),
            action=f"{links.base}/stop",
            label="Stop it",
            back=links.overview,
            fields=(("session", session),) if session else (),
        )
        return confirm(request, site, project, question)

    told = f"{title[:1].upper()}{title[1:]} has stopped. Everything that it did is on the trail."
    return follow(site, start_stop(site, project, session or None), told=told, back=links.overview)


def _title(site: Site, project: OpenProject, session: str) -> str:
    """Return what is to be stopped, in words."""
    found = [each for each in sessions_of(site, project) if session in ("", each.id)]
    if not found and session:
        raise NotFound(f"That session of {project.name} has ended. Everything that it did is on the trail.")
    return found[0].title if len(found) == 1 else "everything that runs" if found else "JupyterLab"


def _address(request: Request, session: Session) -> str:
    """Return the address at which the browser that asks opens a session."""
    return session.url_for(request.headers.get("user-agent", ""))


def _running(
    site: Site, project: OpenProject, *, session: str | None = None, tool: str | None = None
) -> Session:
    for found in reversed(sessions_of(site, project)):
        if session in (None, found.id) and tool in (None, found.tool):
            return found
    raise NotFound(f"Nothing of that kind runs on {project.name} any more. Launch it again.")
