"""Routes of a project's environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from trailmark.environments.catalogue import complete, newest
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.model import Lock
from trailmark.environments.realise import find_realised
from trailmark.environments.status import describe
from trailmark.errors import InvalidInput
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects import packages
from trailmark.projects.project import Project
from trailmark.sessions.notify import packages_changed
from trailmark.web.environment.view import EnvironmentView, build_environment
from trailmark.web.masthead import project_frame, sessions_of
from trailmark.web.opening import OpenProject, find_project
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/environment")
TOPIC = "environment"
_RESTART = "The packages have changed. Restart the kernel to use them."
_SHOWN = 8


@router.get("")
def environment(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show what the project runs on."""
    return site.page(
        request,
        "environment/environment.html",
        frame=project_frame(site, request, project, "environment"),
        environment=view_of(site, project),
        links=Links.of(project.owner, project.name),
        job=site.jobs.find(f"{project.owner}/{project.name}", TOPIC),
    )


@router.get("/names")
def names(
    request: Request, site: Here, project: OpenProject, typed: Annotated[str, Query(alias="packages")] = ""
) -> HTMLResponse:
    """Complete the name that is being typed, as a piece of the page."""
    return site.fragment(
        request,
        "environment/names.html",
        names=complete(typed.replace(",", " ").rsplit(" ", 1)[-1], _SHOWN),
        links=Links.of(project.owner, project.name),
    )


@router.get("/newest")
def newest_version(site: Here, project: OpenProject, package: Annotated[str, Query()]) -> HTMLResponse:
    """Say the newest version of a package, as a piece of the page; nothing when it cannot be told."""
    uv = site.services.uv
    python = find_interpreter(packages.request_of(project).python, uv=uv)
    version = newest(package, home=site.services.settings.home, python=python, uv=uv)
    return HTMLResponse(version or "")


@router.post("/add")
def add(site: Here, project: OpenProject, wanted: Annotated[str, Form(alias="packages")]) -> Response:
    """Ask for packages: resolve, install and record in the background."""
    requested = tuple(wanted.replace(",", " ").split())
    if not requested:
        raise InvalidInput("Name at least one package, such as pandas. Nothing was changed.")
    title = f"Adding {', '.join(requested)}"
    return _change(
        site, project, title, lambda p, progress: packages.add(p, requested, site.services.uv, progress)
    )


@router.post("/remove")
def remove(site: Here, project: OpenProject, package: Annotated[str, Form()]) -> Response:
    """Stop asking for a package."""
    title = f"Removing {package}"
    return _change(
        site, project, title, lambda p, progress: packages.remove(p, (package,), site.services.uv, progress)
    )


@router.post("/update")
def update(site: Here, project: OpenProject) -> Response:
    """Resolve again with the newest versions of everything."""
    title = "Updating the packages"
    return _change(site, project, title, lambda p, progress: packages.update(p, site.services.uv, progress))


@router.post("/lock")
def lock(site: Here, project: OpenProject) -> Response:
    """Resolve what trailmark.toml asks for."""
    title = "Locking the environment"
    return _change(
        site, project, title, lambda p, progress: packages.lock_environment(p, site.services.uv, progress)
    )


@router.post("/make")
def make(site: Here, project: OpenProject) -> Response:
    """Make the environment on this machine, from the lock as it is."""
    owner, name = project.owner, project.name

    def work(progress: Progress) -> str:
        found = find_project(site.services.settings, owner, name)
        packages.ready_environment(found, site.services.uv, progress)
        return Links.of(owner, name).environment

    site.jobs.start("Making the environment", work, project=f"{owner}/{name}", topic=TOPIC)
    return see_other(Links.of(owner, name).environment)


def _change(
    site: Site, project: Project, title: str, change: Callable[[Project, Progress], Lock]
) -> Response:
    owner, name, settings = project.owner, project.name, site.services.settings

    def work(progress: Progress) -> str:
        found = find_project(settings, owner, name)
        before = packages.current_lock(found)
        after = change(found, progress)
        if before is None or before.digest != after.digest:
            packages_changed(found, site.services.engine, site.services.uv, _RESTART)
        return Links.of(owner, name).environment

    site.jobs.start(title, work, project=f"{owner}/{name}", topic=TOPIC)
    return see_other(Links.of(owner, name).environment)


def view_of(site: Site, project: Project) -> EnvironmentView:
    """Return a project's environment as it stands on this machine."""
    request, current = packages.request_of(project), packages.current_lock(project)
    realised = find_realised(current.digest, site.services.settings.home) if current else None
    return build_environment(
        request.python,
        describe(request, current, installed=realised is not None),
        digest=current.digest if current else None,
        path=str(realised.path) if realised else None,
        sessions=[session.environment for session in sessions_of(site, project)],
    )
