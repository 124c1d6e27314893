"""Starting and stopping tools as background jobs."""

from __future__ import annotations

from urllib.parse import quote

from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.sessions.apps import find_choice
from trailmark.sessions.launch import launch
from trailmark.sessions.stop import stop
from trailmark.web.jobs import Job
from trailmark.web.opening import find_project
from trailmark.web.site import Site

_LAUNCH = "launch "


def find_launch(site: Site, project: Project, tool: str) -> Job | None:
    """Return the job that is starting a tool on a project, None when none is."""
    job = site.jobs.find(f"{project.owner}/{project.name}", _LAUNCH + tool)
    return job if job is not None and job.is_open else None


def tool_of_launch(job: Job) -> str:
    """Return the id of the tool that a job starts."""
    return (job.topic or "").removeprefix(_LAUNCH)


def start_launch(site: Site, project: Project, tool: str, engine: str | None = None) -> Job:
    """Begin to start a tool on a project, if it is not being started; the job leads to it.

    `engine` is where, None: where it fits the project. Raises InvalidInput.
    """
    title = find_choice(project, tool).title
    under_way = find_launch(site, project, tool)
    if under_way is not None:
        return under_way
    owner, name, services = project.owner, project.name, site.services

    def work(progress: Progress) -> str:
        found = find_project(services.settings, owner, name)
        chosen = services.engine_for(found, engine)
        launch(found, chosen, services.uv, progress, tool=tool, managers=services.managers)
        return f"{Links.of(owner, name).base}/open?tool={quote(tool)}"

    return site.jobs.start(
        f"Starting {title} on {name}", work, project=f"{owner}/{name}", topic=_LAUNCH + tool
    )


def start_stop(site: Site, project: Project, session: str | None = None) -> Job:
    """Begin to stop one session of a project, or all that run on it."""
    owner, name, services = project.owner, project.name, site.services

    def work(progress: Progress) -> str:
        progress.step("Stopping, and recording what is open")
        stop(find_project(services.settings, owner, name), services.engine, session)
        return Links.of(owner, name).overview

    return site.jobs.start(f"Stopping what runs on {name}", work, project=f"{owner}/{name}")
