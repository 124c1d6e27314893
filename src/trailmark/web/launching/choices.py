"""What a project can be opened in, as the pages show it: tools, its apps, what runs, and why something cannot."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from trailmark.engines import Engine
from trailmark.environments.bases.model import Base
from trailmark.errors import InvalidInput, TrailmarkError
from trailmark.projects.environment import chosen_base
from trailmark.projects.project import Project
from trailmark.sessions.apps import apps_of, tool_of
from trailmark.sessions.session import Session
from trailmark.sessions.tools import Tool, load_tools, look_for
from trailmark.sessions.tools.inside import is_brought
from trailmark.sessions.tools.present import Presence
from trailmark.web.environment.places import engine_title
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
    """All that can be launched; `problem` says why the apps cannot be read.

    `engine` is where it is launched, `others` where else it could be, name and title; both empty where there is
    only this machine.
    """

    tools: tuple[Choice, ...]
    apps: tuple[Choice, ...]
    problem: str | None = None
    engine: str = ""
    title: str = ""
    others: tuple[tuple[str, str], ...] = ()


def choices_of(site: Site, project: Project, on: str | None = None) -> Choices:
    """Return what the project can be opened in, on an engine; None: on the one that fits it."""
    running = {session.tool: session for session in sessions_of(site, project)}
    base = _base_of(project)
    engine = _engine(site, project, on) if base is not None else site.services.engine
    found = Choices(
        tuple(_choice(site, project, tool, running, engine, base) for tool in load_tools(project.settings)),
        (),
    )
    if base is not None:
        others = (
            one for one in site.services.list_engines() if one.reason is None and one.name != engine.name
        )
        found = replace(
            found,
            engine=engine.name,
            title=engine_title(engine.name),
            others=tuple((one.name, engine_title(one.name)) for one in others),
        )
    try:
        apps = (_choice(site, project, tool_of(app), running, engine, base) for app in apps_of(project))
        return replace(found, apps=tuple(apps))
    except InvalidInput as error:
        return replace(found, problem=str(error))


def _base_of(project: Project) -> Base | None:
    try:
        return chosen_base(project)
    except TrailmarkError:
        return None


def _engine(site: Site, project: Project, on: str | None) -> Engine:
    """Return where to launch; where the engine that was chosen does not answer any more, the one that fits."""
    try:
        return site.services.engine_for(project, on)
    except TrailmarkError:
        return site.services.engine


def _choice(
    site: Site, project: Project, tool: Tool, running: dict[str, Session], engine: Engine, base: Base | None
) -> Choice:
    presence = look_for(tool, site.services.settings, os.environ)
    if base is not None and engine.containers is not None:
        lacks = None if is_brought(tool, base) else f"A base brings it, and {base.title} does not."
        presence = Presence(None, lacks)
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
