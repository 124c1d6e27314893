"""Routes of a project's branches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from trailmark.errors import AlreadyExists, InvalidInput
from trailmark.pages.links import Links
from trailmark.projects.branches import delete_branch, list_branches, new_branch
from trailmark.projects.project import Project
from trailmark.projects.switch import switch_branch
from trailmark.sessions.notify import with_open_sessions
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.masthead import open_tools, project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/branches")


@router.get("")
def branches(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show the lines of work."""
    return _page(request, site, project)


@router.post("/new")
def new(
    request: Request,
    site: Here,
    project: OpenProject,
    branch: Annotated[str, Form()],
    switch: Annotated[str, Form()] = "",
) -> Response:
    """Begin a branch here, and go to it if that was asked for."""
    try:
        new_branch(project, branch.strip())
    except (AlreadyExists, InvalidInput) as error:
        return _page(request, site, project, typed=branch, error=str(error), status=422)
    if switch:
        return _switch(site, project, branch.strip())
    return see_other(_links(project).branches, f"The branch {branch.strip()} begins here.")


@router.post("/switch")
def switch(
    request: Request,
    site: Here,
    project: OpenProject,
    branch: Annotated[str, Form()],
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Work on another branch; asks first while a session is open."""
    running = open_tools(site, project)
    if running and not sure:
        return confirm(
            request,
            site,
            project,
            Confirmation(
                title=f"Switch to {branch} while {running} is open?",
                explains=(
                    "What is open there is saved and recorded on this branch first.",
                    "Then the files become those of the other branch, and open documents are read again.",
                    "Kernels keep what they have in memory until you restart them; JupyterLab will offer it.",
                ),
                action=f"{_links(project).branches}/switch",
                label=f"Switch to {branch}",
                back=_links(project).branches,
                fields=(("branch", branch),),
                tab="branches",
            ),
        )
    return _switch(site, project, branch)


@router.post("/end")
def end(
    request: Request,
    site: Here,
    project: OpenProject,
    branch: Annotated[str, Form()],
    sure: Annotated[str, Form()] = "",
) -> Response:
    """End a branch; asks first."""
    if not sure:
        return confirm(
            request,
            site,
            project,
            Confirmation(
                title=f"End the branch {branch}?",
                explains=(
                    "It is no longer listed. Its records stay in the trail and can be found by searching.",
                    "Nothing is lost: git keeps its commits under a name of their own.",
                ),
                action=f"{_links(project).branches}/end",
                label=f"End {branch}",
                back=_links(project).branches,
                fields=(("branch", branch),),
                danger=True,
                tab="branches",
            ),
        )
    delete_branch(project, branch)
    return see_other(_links(project).branches, f"The branch {branch} has ended; its records stay.")


def _switch(site: Site, project: Project, branch: str) -> Response:
    switched, _ = with_open_sessions(
        project,
        site.services.engine,
        site.services.uv,
        f"The project is on the branch {branch} now.",
        lambda: switch_branch(project, branch),
    )
    told = f"You are on {branch} now."
    if switched.restored.set_aside:
        told += " Files that were in the way are kept aside; the newest record says where."
    return see_other(_links(project).branches, told)


def _page(
    request: Request,
    site: Site,
    project: Project,
    *,
    typed: str = "",
    error: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    return site.page(
        request,
        "branches/branches.html",
        status=status,
        frame=project_frame(site, request, project, "branches"),
        branches=list_branches(project),
        links=_links(project),
        typed=typed,
        error=error,
    )


def _links(project: Project) -> Links:
    return Links.of(project.owner, project.name)
