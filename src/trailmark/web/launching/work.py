"""Starting and stopping tools as background jobs."""

from __future__ import annotations

from trailmark.errors import InvalidInput
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.sessions.launch import TOOLS, launch
from trailmark.sessions.stop import stop
from trailmark.web.jobs import Job
from trailmark.web.opening import find_project
from trailmark.web.site import Site

_LAUNCH = "launch"


def find_launch(site: Site, project: Project) -> Job | None:
    """Return the job that is starting a tool on a project, None when none is."""
    job = site.jobs.find(f"{project.owner}/{project.name}", _LAUNCH)
    return job if job is not None and job.is_open else None


def start_launch(site: Site, project: Project, tool: str) -> Job:
    """Begin to start a tool on a project, if it is not being started; the job leads to it. Raises InvalidInput."""
    if tool not in TOOLS:
        raise InvalidInput(f"There is no tool “{tool}”. This machine offers: {', '.join(TOOLS)}.")
    under_way = find_launch(site, project)
    if under_way is not None:
        return under_way
    owner, name, services = project.owner, project.name, site.services

    def work(progress: Progress) -> str:
        found = find_project(services.settings, owner, name)
        launch(found, services.engine, services.uv, progress, tool=tool)
        return f"{Links.of(owner, name).base}/open"

    return site.jobs.start(f"Starting JupyterLab on {name}", work, project=f"{owner}/{name}", topic=_LAUNCH)


def start_stop(site: Site, project: Project) -> Job:
    """Begin to stop what runs on a project."""
    owner, name, services = project.owner, project.name, site.services

    def work(progress: Progress) -> str:
        progress.step("Stopping, and recording what is open")
        stop(find_project(services.settings, owner, name), services.engine)
        return Links.of(owner, name).overview

    return site.jobs.start(f"Stopping JupyterLab on {name}", work, project=f"{owner}/{name}")
