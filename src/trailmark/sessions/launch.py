"""Launching a tool in a project: its environment made, capture attached, the server ready to answer."""

from __future__ import annotations

import os
from collections.abc import Callable

from trailmark.engines import Engine, SessionSpec
from trailmark.environments.uv import Uv
from trailmark.environments.whole.resolve import Managers, Means
from trailmark.errors import Cancelled, CommandFailed, Unavailable
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
from trailmark.sessions.ready import describe_silence, wait_until_ready
from trailmark.sessions.recorder import is_recording
from trailmark.sessions.session import Session, iter_sessions
from trailmark.sessions.tools import Tool, look_for
from trailmark.sessions.tools.catalogue import DEFAULT
from trailmark_capture.loopback import is_taken

LAUNCH_SECONDS = 600.0
_PORTS = 3


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
        if running is None or not _is_ready(project, engine, chosen, running, progress):
            return _start(project, engine, Means(uv, managers or {}), progress, chosen, actor)
        ensure_recorder(project)
        return running


def _is_ready(project: Project, engine: Engine, tool: Tool, running: Session, progress: Progress) -> bool:
    """Wait until a tool that runs already answers; False when it ended instead. Raises CommandFailed, Cancelled."""
    waited = wait_until_ready(engine, tool, running, progress)
    if waited.is_ready:
        return True
    state = engine.inspect(running.id)
    if state is None or not state.is_live:
        return False
    raise CommandFailed(
        f"{tool.title} runs in {project.name} but does not answer. {describe_silence(tool, waited)} What it "
        "recorded is safe. To end it and start anew, in the project's folder: `trailmark stop`, then `trailmark "
        "launch`."
    )


def _start(
    project: Project, engine: Engine, means: Means, progress: Progress, tool: Tool, actor: str
) -> Session:
    containers = engine.containers
    program = _program(project, tool) if containers is None else None
    progress.step("Bringing the trail up to date")
    collect_leftovers(project, engine)
    catch_up(project)

    def order() -> tuple[Session, SessionSpec]:
        if containers is not None:
            return prepare_inside(project, tool, containers, means, progress, actor=actor)
        realised = ready_environment(project, means, progress, actor=actor)
        return prepare(project, tool, program, realised, progress, engine=engine.name, actor=actor)

    session = start_at_a_free_port(engine, tool, order, progress, before=lambda: ensure_recorder(project))
    progress.step("Ready", 1.0)
    return session


def start_at_a_free_port(
    engine: Engine,
    tool: Tool,
    order: Callable[[], tuple[Session, SessionSpec]],
    progress: Progress,
    *,
    before: Callable[[], None],
) -> Session:
    """Start what `order` makes, and make another where somebody took its port meanwhile; return what answers.

    Raises CommandFailed when nothing does, and Cancelled.
    """
    for _ in range(_PORTS):
        session, spec = order()
        progress.step(f"Starting {tool.title}", 0.9)
        before()
        if is_taken(session.port):
            continue
        try:
            engine.submit(spec)
        except CommandFailed:
            if is_taken(session.port):
                continue
            raise
        failure = _wait(engine, tool, session, progress)
        if failure is None:
            return session
        if not is_taken(session.port):
            raise failure
    raise CommandFailed(
        f"{tool.title} did not start: other programs of this machine took each of {_PORTS} ports that were free a "
        "moment before. The project is as it was. Try again."
    )


def _wait(engine: Engine, tool: Tool, session: Session, progress: Progress) -> CommandFailed | None:
    """Wait until what was started answers; return why it ended instead, None when it does.

    It is ended when it does not answer in time, which raises CommandFailed, or when it is not wanted: Cancelled.
    """
    try:
        waited = wait_until_ready(engine, tool, session, progress)
    except Cancelled:
        engine.stop(session.id)
        raise
    if waited.is_ready:
        return None
    output = engine.logs(session.id, tail=30)
    engine.stop(session.id)
    how = "did not start." if waited.has_ended else f"did not get ready. {describe_silence(tool, waited)}"
    failure = CommandFailed(
        f"{tool.title} {how} The project is as it was. Its last words:\n" + output, output=output
    )
    if not waited.has_ended:
        raise failure
    return failure


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
