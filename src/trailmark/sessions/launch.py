"""Launching a tool in a project: its environment made, capture attached, the server ready to answer."""

from __future__ import annotations

import os
import time
import urllib.request

from trailmark.engines import Engine
from trailmark.environments.uv import Uv
from trailmark.environments.whole.resolve import Managers, Means
from trailmark.errors import CommandFailed, Unavailable
from trailmark.process import spawn
from trailmark.progress import Progress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.sessions.apps import find_choice
from trailmark.sessions.capture import recorder_command
from trailmark.sessions.container import prepare_inside
from trailmark.sessions.leftovers import collect_leftovers, launching
from trailmark.sessions.prepare import prepare
from trailmark.sessions.recorder import is_recording
from trailmark.sessions.session import Session, iter_sessions
from trailmark.sessions.tools import Tool, look_for
from trailmark.sessions.tools.catalogue import DEFAULT

READY_SECONDS = 60.0
LAUNCH_SECONDS = 600.0
_WELL = range(200, 400)
# The server is on this machine, whatever proxy the person's environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def launch(
    project: Project,
    engine: Engine,
    uv: Uv,
    progress: Progress,
    *,
    tool: str = DEFAULT,
    actor: str = "person",
    managers: Managers | None = None,
) -> Session:
    """Start a tool in the project, or return the session that runs already; the tool is ready to answer.

    `tool` is the id of a tool, or `app:NAME` for an app of the project. Raises InvalidInput for one that there is
    not, Unavailable for one that this machine lacks, and CommandFailed, with the tool's own words, when it does not
    start.
    """
    chosen = find_choice(project, tool)
    with launching(project, timeout=LAUNCH_SECONDS):
        running = find_running(project, engine, chosen.id)
        if running is None or not _is_ready(project, engine, chosen, running):
            return _start(project, engine, Means(uv, managers or {}), progress, chosen, actor)
        ensure_recorder(project)
        return running


def _is_ready(project: Project, engine: Engine, tool: Tool, running: Session) -> bool:
    """Wait until a tool that runs already answers; False when it ended instead. Raises CommandFailed."""
    if _answers(engine, tool, running):
        return True
    state = engine.inspect(running.id)
    if state is None or not state.is_live:
        return False
    raise CommandFailed(
        f"{tool.title} runs in {project.name} but does not answer. What it recorded is safe. To end it and start "
        "anew, in the project's folder: `trailmark stop`, then `trailmark launch`."
    )


def _start(
    project: Project, engine: Engine, means: Means, progress: Progress, tool: Tool, actor: str
) -> Session:
    containers = engine.containers
    program = _program(project, tool) if containers is None else None
    progress.step("Bringing the trail up to date")
    collect_leftovers(project, engine)
    catch_up(project)
    if containers is not None:
        session, spec = prepare_inside(project, tool, containers, means, progress, actor=actor)
    else:
        realised = ready_environment(project, means, progress, actor=actor)
        session, spec = prepare(project, tool, program, realised, progress, engine=engine.name, actor=actor)
    progress.step(f"Starting {tool.title}", 0.9)
    ensure_recorder(project)
    engine.submit(spec)
    _wait_until_ready(engine, tool, session)
    progress.step("Ready", 1.0)
    return session


def _program(project: Project, tool: Tool) -> str | None:
    """Return where a tool's program is on this machine. Raises Unavailable, saying how to get it."""
    presence = look_for(tool, project.settings, os.environ)
    if not presence.is_there:
        how = f" To install it: {presence.install}" if presence.install else ""
        raise Unavailable(f"{tool.title} cannot be started: {presence.reason} Nothing was changed.{how}")
    return presence.program


def find_running(project: Project, engine: Engine, tool: str) -> Session | None:
    """Return the session in which a tool runs on the project and engine, None when it does not."""
    for session in iter_sessions(project.settings, project.path):
        if session.tool != tool or session.engine != engine.name:
            continue
        state = engine.inspect(session.id)
        if state is not None and state.is_live:
            return session
    return None


def ensure_recorder(project: Project) -> None:
    """Start the project's recorder unless one runs already."""
    if not is_recording(project):
        spawn(recorder_command(project), log=project.state / "recorder.log", cwd=project.path)


def _wait_until_ready(engine: Engine, tool: Tool, session: Session) -> None:
    if _answers(engine, tool, session):
        return
    output = engine.logs(session.id, tail=30)
    engine.stop(session.id)
    raise CommandFailed(
        f"{tool.title} did not start. The project is as it was. Its last words:\n" + output, output=output
    )


def _answers(engine: Engine, tool: Tool, session: Session) -> bool:
    """Wait until the tool answers; False when it ends before, or stays silent for READY_SECONDS."""
    request = urllib.request.Request(
        session.base_url + tool.health.lstrip("/"), headers={"Authorization": f"token {session.token}"}
    )
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with _DIRECT.open(request, timeout=5) as answer:
                if answer.status in _WELL:
                    return True
        except OSError:
            state = engine.inspect(session.id)
            if state is not None and state.status in ("stopped", "failed"):
                return False
        time.sleep(0.05)
    return False
