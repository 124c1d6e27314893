"""Telling open sessions what happened to their project, so that no page shows what is no longer there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx

from trailmark.engines import Engine
from trailmark.engines.daemon import KINDS
from trailmark.environments.uv import Uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import TrailmarkError
from trailmark.progress import NullProgress
from trailmark.projects.environment import current_lock
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.sessions.environment import use_environment
from trailmark.sessions.session import Session
from trailmark.sessions.stop import statuses

Result = TypeVar("Result")
_INSIDE = "This session runs in a container that stays as it is: stop and launch it again to have the change."


def notify(
    project: Project,
    engine: Engine,
    message: str,
    *,
    save: bool = False,
    reload: bool = False,
    restart: bool = False,
) -> list[Session]:
    """Show a message in the project's open sessions; return those that took it.

    `save` has open documents saved, and waits for it; `reload` has those whose files changed read again;
    `restart` offers a restart of the kernel; in a container, whose environment stays as it is, it says what to do.
    """
    body = {"message": message, "save": save, "reload": reload, "restart": restart}
    inside = {**body, "message": f"{message} {_INSIDE}" if restart else message, "restart": False}
    open_now = [item.session for item in statuses(project.settings, engine, project)]
    return [session for session in open_now if _post(session, body if _is_local(session) else inside)]


def with_open_sessions(
    project: Project, engine: Engine, uv: Uv, message: str, change: Callable[[], Result]
) -> tuple[Result, list[Session]]:
    """Make a change to the project's files under open sessions: save first, reload and offer a restart after.

    Returns what the change returned, and the sessions that were told. The change counts although an environment
    cannot be made for it: the sessions are told so.
    """
    notify(project, engine, "Saving before the project changes", save=True)
    result = change()
    try:
        _adopt_environment(project, engine, uv)
    except TrailmarkError as error:
        message = f"{message} Kernels keep the environment that they have: {error}"
    return result, notify(project, engine, message, reload=True, restart=True)


def packages_changed(project: Project, engine: Engine, uv: Uv, message: str) -> list[Session]:
    """Give the project's open sessions its present environment, from their next kernel on, and tell them so."""
    _adopt_environment(project, engine, uv)
    return notify(project, engine, message, restart=True)


def _adopt_environment(project: Project, engine: Engine, uv: Uv) -> None:
    open_now = [
        item.session for item in statuses(project.settings, engine, project) if _is_local(item.session)
    ]
    if not open_now or current_lock(project) is None:
        return
    realised = ready_environment(project, Means(uv, {}), NullProgress())
    for session in open_now:
        use_environment(project.settings, session.id, realised)


def _is_local(session: Session) -> bool:
    return session.engine not in KINDS


def _post(session: Session, body: dict[str, object]) -> bool:
    if session.server != "jupyter" or not session.has_page:
        return False
    headers = {"Authorization": f"token {session.token}"}
    address = session.base_url + "trailmark/notify"
    try:
        answer = httpx.post(address, json=body, headers=headers, timeout=3, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.is_success
