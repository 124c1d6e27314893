"""Stopping sessions, and seeing what runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from trailmark.engines import Engine
from trailmark.errors import Busy
from trailmark.projects.catch_up import catch_up
from trailmark.projects.project import Project
from trailmark.sessions.leftovers import collect_leftovers, launching
from trailmark.sessions.session import Session, iter_sessions
from trailmark.settings import Settings

_LAUNCH_SECONDS = 5.0


@dataclass(frozen=True)
class SessionStatus:
    """A session and how its engine says it is."""

    session: Session
    status: str


def statuses(settings: Settings, engine: Engine, project: Project | None = None) -> list[SessionStatus]:
    """Return the sessions that run, those of one project if given."""
    found = []
    for session in iter_sessions(settings, project.path if project else None):
        state = engine.inspect(session.id)
        if state is not None and state.is_live:
            found.append(SessionStatus(session, state.status))
    return found


def stop(project: Project, engine: Engine, session_id: str | None = None) -> list[Session]:
    """Stop one session of the project, or all; everything that they did is recorded. Returns what was stopped."""
    stopped = []
    for item in statuses(project.settings, engine, project):
        if session_id in (None, item.session.id):
            engine.stop(item.session.id)
            stopped.append(item.session)
    with contextlib.suppress(Busy), launching(project, timeout=_LAUNCH_SECONDS):
        collect_leftovers(project, engine)
    catch_up(project)
    return stopped
