"""What dead sessions leave behind: commands that their shells noted and nobody journalled, and folders."""

from __future__ import annotations

from trailmark.activity import ProjectLock
from trailmark.engines import Engine
from trailmark.engines.life import is_held
from trailmark.projects.captured import Captured, everywhere
from trailmark.projects.project import Project
from trailmark.projects.secrets import secrets_path
from trailmark.sessions.session import client_of, forget_session, iter_sessions
from trailmark_capture.config import Config
from trailmark_capture.files.interest import SYSTEM
from trailmark_capture.shell.spool import SpoolReader


def launching(project: Project, *, timeout: float) -> ProjectLock:
    """Return the lock that is held while a session of the project comes to be, which looks dead until it runs."""
    return ProjectLock(project.state / "launch.lock", timeout=timeout)


def collect_leftovers(project: Project, engine: Engine) -> None:
    """Journal what the shells of the project's dead sessions still hold, and forget those sessions.

    The caller holds the lock of `launching`. What a command still waits for is left to it. Nothing is done while a
    session lives: its own capture sees to its shells, and keeps what they show.
    """
    dead = []
    for session in iter_sessions(project.settings, project.path):
        state = engine.inspect(session.id)
        if state is not None and state.is_live:
            return
        if not is_held(client_of(project.settings, session.id)):
            dead.append(session.id)
    for place in everywhere(project.state):
        if place.shell.is_dir():
            _journal_commands(project, place)
    for session_id in dead:
        engine.forget(session_id)
        forget_session(project.settings, session_id)
    forget_ended(project, engine)


def forget_ended(project: Project, engine: Engine) -> None:
    """Have an engine forget what ended of the project without anybody having written down that there was a session.

    The caller holds the lock of `launching`.
    """
    known = {session.id for session in iter_sessions(project.settings)}
    for state in engine.list({"project": str(project.path)}):
        is_ours = state.id in known or is_held(client_of(project.settings, state.id))
        if not state.is_live and not is_ours:
            engine.forget(state.id)
            forget_session(project.settings, state.id)


def _journal_commands(project: Project, place: Captured) -> None:
    config = Config(
        project=project.path,
        journal=place.journal,
        files=place.files,
        shell=place.shell,
        # What was elsewhere at a path outside of the project is not what this machine has there.
        exclude=("/",) if place.is_foreign else SYSTEM,
        secrets=secrets_path(project),
    )
    reader = SpoolReader(config)
    try:
        reader.drain()
    finally:
        reader.close()
