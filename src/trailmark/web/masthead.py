"""What stands around the pages of a project: its name, where it is, what runs on it, where else to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fastapi import Request

from trailmark.errors import InvalidInput
from trailmark.pages.frame import Frame, Masthead, ProjectChoice, Tab
from trailmark.pages.links import Links
from trailmark.projects.manifest import Manifest
from trailmark.projects.project import Project
from trailmark.sessions.session import Session
from trailmark.sessions.stop import statuses
from trailmark.sessions.tools.catalogue import DEFAULT
from trailmark.web.site import Site

_SWITCHED = 8


def manifest_of(project: Project) -> Manifest:
    """Return what a project asks for; defaults while its manifest cannot be understood."""
    try:
        return project.manifest()
    except InvalidInput:
        return Manifest(name=project.name)


def sessions_of(site: Site, project: Project) -> list[Session]:
    """Return the sessions that run on a project, oldest first."""
    return [item.session for item in statuses(site.services.settings, site.services.engine, project)]


def open_tools(site: Site, project: Project) -> str:
    """Name what runs on a project, in words; empty when nothing does."""
    titles = list(dict.fromkeys(session.title for session in sessions_of(site, project)))
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def project_frame(
    site: Site, request: Request, project: Project, tab: Tab | None, *, notice: str | None = None
) -> Frame:
    """Return what stands around a page that shows a project."""
    description, problem = _description(project)
    links = Links.of(project.owner, project.name)
    running = sessions_of(site, project)
    lab = next((session for session in running if session.tool == DEFAULT), None)
    masthead = Masthead(
        owner=project.owner,
        name=project.name,
        description=description,
        branch=project.repository.branch() or "no branch",
        tab=tab,
        live=lab is not None,
        session_url=f"{links.base}/open?session={lab.id}" if lab else None,
        session_id=lab.id if lab else None,
        others=tuple(session.title for session in running if session is not lab),
        notice=notice or problem,
    )
    return replace(
        site.frame(request),
        projects=tuple(_choices(site, project)),
        project=masthead,
        events=f"{links.base}/events?seen={site.events.seen(project.path)}",
    )


def _description(project: Project) -> tuple[str, str | None]:
    try:
        return project.manifest().description, None
    except InvalidInput as error:
        return "", str(error)


def _choices(site: Site, current: Project) -> Iterator[ProjectChoice]:
    """Yield the projects to switch to: the current one, then those with the latest activity."""
    found = sorted(
        (summary for summary, _ in site.summaries.all() if summary.last_at or summary.problem is None),
        key=lambda summary: (summary.path != current.path, -(summary.last_at or 0.0)),
    )
    for summary in found[:_SWITCHED]:
        yield ProjectChoice(summary.owner, summary.name, current=summary.path == current.path)
