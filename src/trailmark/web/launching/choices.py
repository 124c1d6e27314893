"""What a project can be opened in, as the pages show it: tools, its apps, what runs, and why something cannot."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trailmark.errors import InvalidInput
from trailmark.projects.project import Project
from trailmark.sessions.apps import apps_of, tool_of
from trailmark.sessions.session import Session
from trailmark.sessions.tools import Tool, load_tools, look_for
from trailmark.web.launching.work import find_launch
from trailmark.web.masthead import sessions_of
from trailmark.web.site import Site


@dataclass(frozen=True)
class Choice:
    """One tool or app. `reason` says why it cannot be launched here; `session` and `job` are its own."""

    id: str
    title: str
    summary: str
    icon: str
    reason: str | None = None
    install: str | None = None
    session: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class Choices:
    """All that can be launched; `problem` says why the apps cannot be read."""

    tools: tuple[Choice, ...]
    apps: tuple[Choice, ...]
    problem: str | None = None


def choices_of(site: Site, project: Project) -> Choices:
    """Return what the project can be opened in."""
    running = {session.tool: session for session in sessions_of(site, project)}
    tools = tuple(_choice(site, project, tool, running) for tool in load_tools(site.services.settings))
    try:
        apps = tuple(_choice(site, project, tool_of(app), running) for app in apps_of(project))
    except InvalidInput as error:
        return Choices(tools, (), str(error))
    return Choices(tools, apps)


def _choice(site: Site, project: Project, tool: Tool, running: dict[str, Session]) -> Choice:
    presence = look_for(tool, site.services.settings, os.environ)
    session = running.get(tool.id)
    job = find_launch(site, project, tool.id)
    return Choice(
        id=tool.id,
        title=tool.title,
        summary=tool.summary,
        icon=tool.icon,
        reason=presence.reason,
        install=presence.install or None,
        session=session.id if session else None,
        job=job.id if job else None,
    )
