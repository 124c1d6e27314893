"""Routes that make and prove an environment, on the engine that a person chooses, and show how that goes."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from trailmark.engines.docker import DockerEngine
from trailmark.pages.isolate import isolated_headers
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.build_logs import list_logs, read_log
from trailmark.projects.image import ready_image
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.projects.prove import verify_environment, verify_image
from trailmark.projects.standing import standing_of
from trailmark.web.environment.places import engine_title, places_of
from trailmark.web.environment.work import find_work, start_work
from trailmark.web.masthead import project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site

router = APIRouter()
Engine = Annotated[str, Form(max_length=40)]


@router.post("/make")
def make(site: Here, project: OpenProject, engine: Engine = "local") -> Response:
    """Make the environment on an engine, from the lock as it is."""

    def work(found: Project, progress: Progress) -> None:
        containers = _containers(site, engine)
        if containers is None:
            ready_environment(found, site.services.means, progress)
        else:
            trust = site.services.trust
            ready_image(found, containers, site.services.means, progress, trust=trust)

    title = (
        "Making the environment" if engine == "local" else f"Building the image with {engine_title(engine)}"
    )
    return start_work(site, project, title, work, engine=engine)


@router.post("/verify")
def verify(site: Here, project: OpenProject, engine: Engine = "local") -> Response:
    """Rebuild from the lock alone on an engine, compare, and keep what was found."""

    def work(found: Project, progress: Progress) -> None:
        containers = _containers(site, engine)
        if containers is None:
            verify_environment(found, site.services.means, progress)
        else:
            _verify_image(site, found, containers, progress)

    where = "" if engine == "local" else f" with {engine_title(engine)}"
    return start_work(site, project, f"Proving the environment{where}", work, engine=engine)


@router.get("/job")
def job(
    request: Request, site: Here, project: OpenProject, was_open: Annotated[int, Query(alias="open")] = 0
) -> HTMLResponse:
    """Show what is being done, as a piece of the page, which hears of its end."""
    found = find_work(site, project)
    piece = site.fragment(
        request, "environment/job.html", job=found, links=Links.of(project.owner, project.name)
    )
    if was_open and (found is None or not found.is_open):
        piece.headers["HX-Trigger"] = json.dumps({"tm:built": None})
    return piece


@router.get("/places")
def places(
    request: Request, site: Here, project: OpenProject, part: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """Show where the environment can be made and proved; `part=list` as a piece of the page."""
    standing = standing_of(project, site.services.managers)
    view: dict[str, Any] = {
        "places": places_of(site, standing),
        "links": Links.of(project.owner, project.name),
        "digest": standing.digest,
        "is_stale": bool(standing.why),
        "is_asked": True,
    }
    if part:
        return site.fragment(request, "environment/place_list.html", **view)
    frame = project_frame(site, request, project, "environment")
    return site.page(request, "environment/places.html", frame=frame, **view)


@router.get("/logs")
def logs(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """List what was done for the environment, each with its log."""
    return site.page(
        request,
        "environment/logs.html",
        frame=project_frame(site, request, project, "environment"),
        links=Links.of(project.owner, project.name),
        logs=list_logs(project),
    )


@router.get("/logs/{log_id}")
def log(request: Request, site: Here, project: OpenProject, log_id: str) -> HTMLResponse:
    """Show one log whole; of work that goes on, as far as it is."""
    found, text = read_log(project, log_id)
    return site.page(
        request,
        "environment/log.html",
        frame=project_frame(site, request, project, "environment"),
        links=Links.of(project.owner, project.name),
        log=found,
        text=text,
    )


@router.get("/logs/{log_id}/text")
def log_text(project: OpenProject, log_id: str) -> Response:
    """Send a log as a file."""
    _, text = read_log(project, log_id)
    headers = isolated_headers("text/plain", download=f"{project.name}-{log_id}.log")
    return Response(text.encode("utf-8", "replace"), headers=headers)


def _containers(site: Site, engine: str) -> DockerEngine | None:
    """Return an engine for images, None for this machine itself. Raises Unavailable where it does not answer."""
    return None if engine == "local" else site.services.containers_named(engine)


def _verify_image(site: Site, project: Project, engine: DockerEngine, progress: Progress) -> None:
    verify_image(project, engine, site.services.means, site.services.trust, progress)
