"""Doing something for a project's environment in the background: the page shows it, and its log is kept."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from trailmark.environments.whole.resolve import Means
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.build_logs import keeping_log
from trailmark.projects.project import Project
from trailmark.projects.relock import Relocked
from trailmark.sessions.notify import packages_changed
from trailmark.web.jobs import Job
from trailmark.web.opening import find_project
from trailmark.web.site import Site, see_other

TOPIC = "environment"
_RESTART = "The packages have changed. Restart the kernel to use them."


def find_work(site: Site, project: Project) -> Job | None:
    """Return what was done last for the environment, or is being done; None when nothing was."""
    return site.jobs.find(f"{project.owner}/{project.name}", TOPIC)


def start_change(
    site: Site, project: Project, title: str, change: Callable[[Project, Means, Progress], Relocked]
) -> Response:
    """Change what is locked, tell open sessions of it, and lead back to the environment."""

    def work(found: Project, progress: Progress) -> None:
        if change(found, site.services.means, progress).moves_python:
            packages_changed(found, site.services.engine, site.services.uv, _RESTART)

    return start_work(site, project, title, work)


def start_work(
    site: Site,
    project: Project,
    title: str,
    work: Callable[[Project, Progress], None],
    *,
    engine: str = "local",
) -> Response:
    """Do something with the project on an engine, and lead back to its environment."""
    owner, name, settings = project.owner, project.name, site.services.settings
    back = Links.of(owner, name).environment

    def carry_out(progress: Progress) -> str:
        found = find_project(settings, owner, name)
        with keeping_log(found, title, progress, engine=engine) as kept:
            work(found, kept)
        return back

    site.jobs.start(title, carry_out, project=f"{owner}/{name}", topic=TOPIC)
    return see_other(back)
