"""Launching JupyterLab in a project: its environment made, capture attached, the server ready to answer."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping

from trailmark.engines import Engine, SessionSpec
from trailmark.environments.realise import Realised
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed, InvalidInput
from trailmark.process import spawn
from trailmark.progress import Progress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.projects.secrets import secret_values
from trailmark.sessions.capture import capture_config, recorder_command, write_config
from trailmark.sessions.environment import use_environment
from trailmark.sessions.leftovers import collect_leftovers, launching
from trailmark.sessions.recorder import is_recording
from trailmark.sessions.session import Session, folder_of, iter_sessions, write_session
from trailmark_capture.config import Config
from trailmark_capture.files import EXCLUDE_VARIABLE, LOG_VARIABLE
from trailmark_capture.journal import new_id
from trailmark_capture.jupyter import settings as jupyter_settings

TOOLS = ("jupyterlab",)
KERNEL = "python3"
READY_SECONDS = 60.0
LAUNCH_SECONDS = 600.0
# The server is on this machine, whatever proxy the person's environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_LEAKS = (
    *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"),
    *(LOG_VARIABLE, EXCLUDE_VARIABLE),
)


def launch(
    project: Project,
    engine: Engine,
    uv: Uv,
    progress: Progress,
    *,
    tool: str = "jupyterlab",
    actor: str = "person",
) -> Session:
    """Start a tool in the project, or return the session that runs already; the tool is ready to answer.

    Raises InvalidInput for an unknown tool and CommandFailed, with the tool's own words, when it does not start.
    """
    if tool not in TOOLS:
        raise InvalidInput(f"There is no tool “{tool}”. This machine offers: {', '.join(TOOLS)}.")
    with launching(project, timeout=LAUNCH_SECONDS):
        running = find_running(project, engine, tool)
        if running is None or not _is_ready(project, engine, running):
            return _start(project, engine, uv, progress, tool, actor)
        ensure_recorder(project)
        return running


def _is_ready(project: Project, engine: Engine, running: Session) -> bool:
    """Wait until a tool that runs already answers; False when it ended instead. Raises CommandFailed."""
    if _answers(engine, running):
        return True
    state = engine.inspect(running.id)
    if state is None or not state.is_live:
        return False
    raise CommandFailed(
        f"JupyterLab runs in {project.name} but does not answer. What it recorded is safe. To end it and start "
        "anew, in the project's folder: `trailmark stop`, then `trailmark launch`."
    )


def _start(project: Project, engine: Engine, uv: Uv, progress: Progress, tool: str, actor: str) -> Session:
    progress.step("Bringing the trail up to date")
    collect_leftovers(project, engine)
    catch_up(project)
    realised = ready_environment(project, uv, progress, actor=actor)
    progress.step("Starting JupyterLab", 0.9)
    session = _prepare(project, realised, tool, actor)
    ensure_recorder(project)
    engine.submit(_spec(project, session))
    _wait_until_ready(engine, session)
    progress.step("Ready", 1.0)
    return session


def find_running(project: Project, engine: Engine, tool: str) -> Session | None:
    """Return the session in which a tool runs on the project, None when it does not."""
    for session in iter_sessions(project.settings, project.path):
        state = engine.inspect(session.id)
        if session.tool == tool and state is not None and state.is_live:
            return session
    return None


def ensure_recorder(project: Project) -> None:
    """Start the project's recorder unless one runs already."""
    if not is_recording(project):
        spawn(recorder_command(project), log=project.state / "recorder.log", cwd=project.path)


def _prepare(project: Project, realised: Realised, tool: str, actor: str) -> Session:
    session = Session(
        id=new_id(),
        project=str(project.path),
        tool=tool,
        engine="local",
        environment=realised.digest,
        port=_free_port(),
        token=secrets.token_urlsafe(24),
        kernel=KERNEL,
        started=time.time(),
        state=project.state.name,
    )
    folder = folder_of(project.settings, session.id)
    folder.mkdir(parents=True, mode=0o700)
    config = capture_config(
        project,
        session=session.id,
        tool=tool,
        environment=realised.digest,
        environment_path=realised.path,
        base_prefix=realised.python.resolve().parent.parent,
        actor=actor,
    )
    path = write_config(folder, config)
    traits = jupyter_settings.render(
        Config.load(path),
        port=session.port,
        base_url="/",
        python=use_environment(project.settings, session.id, realised),
        name=project.name,
    )
    (folder / "jupyter_server_config.json").write_text(json.dumps(traits, indent=1), encoding="utf-8")
    write_session(project.settings, session)
    return session


def _spec(project: Project, session: Session) -> SessionSpec:
    folder = folder_of(project.settings, session.id)
    jupyter = project.settings.home / "jupyter"
    env = {
        **_clean(os.environ),
        **secret_values(project),
        "TRAILMARK_CAPTURE": str(folder / "capture.json"),
        "JUPYTER_TOKEN": session.token,
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    return SessionSpec(
        id=session.id,
        argv=(sys.executable, "-m", "trailmark_capture.jupyter", str(folder / "jupyter_server_config.json")),
        env=env,
        cwd=project.path,
        labels={"project": str(project.path), "tool": session.tool, "lock": session.environment or ""},
    )


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in _LEAKS}


def _wait_until_ready(engine: Engine, session: Session) -> None:
    if _answers(engine, session):
        return
    output = engine.logs(session.id, tail=30)
    engine.stop(session.id)
    raise CommandFailed(
        "JupyterLab did not start. The project is as it was. Its last words:\n" + output, output=output
    )


def _answers(engine: Engine, session: Session) -> bool:
    """Wait until the tool answers; False when it ends before, or stays silent for READY_SECONDS."""
    request = urllib.request.Request(
        session.base_url + "api/status", headers={"Authorization": f"token {session.token}"}
    )
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with _DIRECT.open(request, timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            state = engine.inspect(session.id)
            if state is not None and state.status in ("stopped", "failed"):
                return False
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
