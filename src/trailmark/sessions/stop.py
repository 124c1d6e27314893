"""Stopping sessions, and seeing what runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from trailmark.engines import Engine
from trailmark.errors import Busy, InvalidInput, NotFound, TrailmarkError, Unavailable
from trailmark.projects.catch_up import catch_up
from trailmark.projects.project import Project
from trailmark.sessions.leftovers import collect_leftovers, launching
from trailmark.sessions.session import Session, forget_session, iter_sessions
from trailmark.settings import Settings

_LAUNCH_SECONDS = 5.0
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class SessionStatus:
    """A session and how its engine says it is: unknown, with the reason, while that does not answer."""

    session: Session
    status: str
    reason: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether its engine answers."""
        return self.status != _UNKNOWN


@dataclass(frozen=True)
class Stopped:
    """What was stopped, and what could not be, each with the reason."""

    sessions: tuple[Session, ...]
    left: tuple[tuple[Session, str], ...] = ()

    def require(self) -> list[Session]:
        """Return what was stopped. Raises Unavailable when something was not, saying what to do."""
        if self.left:
            raise Unavailable("\n".join(_left(session, reason) for session, reason in self.left))
        return list(self.sessions)


def statuses(settings: Settings, engine: Engine, project: Project | None = None) -> list[SessionStatus]:
    """Return the sessions that run, or of which nobody knows, those of one project if given."""
    found = []
    for session in iter_sessions(settings, project.path if project else None):
        state = engine.inspect(session.id)
        if state is not None and state.is_live:
            status = _UNKNOWN if state.is_silent else state.status
            found.append(SessionStatus(session, status, state.reason))
    return found


def has_living(settings: Settings, engine: Engine, project: Project) -> bool:
    """Return whether a session runs on the project; one whose engine does not answer is not waited for."""
    return any(item.is_known for item in statuses(settings, engine, project))


def stop(project: Project, engine: Engine, session_id: str | None = None) -> list[Session]:
    """Stop one session of the project, or all; everything that they did is recorded. Returns what was stopped.

    Raises Unavailable when some could not be stopped; the others were.
    """
    return stop_each(project, engine, session_id).require()


def stop_each(project: Project, engine: Engine, session_id: str | None = None) -> Stopped:
    """Stop one session of the project, or all, also when some cannot be stopped; what they did is recorded."""
    stopped, left = [], []
    for item in statuses(project.settings, engine, project):
        if session_id not in (None, item.session.id):
            continue
        try:
            engine.stop(item.session.id)
        except TrailmarkError as error:
            left.append((item.session, str(error)))
        else:
            stopped.append(item.session)
    with contextlib.suppress(Busy), launching(project, timeout=_LAUNCH_SECONDS):
        collect_leftovers(project, engine)
    catch_up(project)
    return Stopped(tuple(stopped), tuple(left))


def give_up(project: Project, engine: Engine, session_id: str) -> Session:
    """Forget a session whose engine does not answer, and may never again; what it wrote down is recorded.

    Raises NotFound for one that the project has not, InvalidInput for one whose engine answers.
    """
    item = next(
        (one for one in statuses(project.settings, engine, project) if one.session.id == session_id), None
    )
    if item is None:
        raise NotFound(f"No session {session_id} runs on {project.name}. `trailmark status` lists them.")
    if item.is_known:
        raise InvalidInput(
            f"The engine of {session_id} answers, so the session can be ended: trailmark stop {session_id}"
        )
    forget_session(project.settings, session_id)
    with contextlib.suppress(Busy), launching(project, timeout=_LAUNCH_SECONDS):
        collect_leftovers(project, engine)
    catch_up(project)
    return item.session


def _left(session: Session, reason: str) -> str:
    return (
        f"{session.title} on {session.project} was not ended. {reason} If that engine will not come back: "
        f"trailmark stop --forget {session.id}"
    )
