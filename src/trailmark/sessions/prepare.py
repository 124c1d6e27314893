"""What a session needs before it can start: its key, its folder, and the order to the engine."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from trailmark.engines import SessionSpec
from trailmark.environments.realise import Realised
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.projects.secret_files import secret_file_variables
from trailmark.projects.secrets import secret_values
from trailmark.sessions.capture import capture_config, write_config
from trailmark.sessions.environment import use_environment
from trailmark.sessions.gated import MODULE, gate_variables, surroundings_here, write_gate
from trailmark.sessions.hosts import hosts_of
from trailmark.sessions.limits import limits_here
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark.sessions.tools.model import Tool
from trailmark_capture.config import Config
from trailmark_capture.files import EXCLUDE_VARIABLE, LOG_VARIABLE
from trailmark_capture.journal import new_id
from trailmark_capture.jupyter import settings as jupyter_settings
from trailmark_capture.jupyter.environ import for_person
from trailmark_capture.loopback import free_port

KERNEL = "python3"
_LEAKS = (
    *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"),
    *(LOG_VARIABLE, EXCLUDE_VARIABLE),
)
# The project's folder is where these run: what lies in it must not stand in for a module of ours.
_PYTHON = (sys.executable, "-P", "-m")


def prepare(
    project: Project,
    tool: Tool,
    program: str | None,
    realised: Realised,
    progress: Progress,
    *,
    engine: str,
    actor: str,
) -> tuple[Session, SessionSpec]:
    """Write all that a session needs into a folder of its own; return it, and the order that starts it.

    `program` is where the tool was found on this machine, None for what comes with Trailmark or the project; `engine`
    the name of the one that will start it.
    """
    session = new_session(project, tool, engine, realised.digest)
    folder = folder_of(project.settings, session.id)
    config = _write_capture(project, session, tool, realised, actor)
    use_environment(project.settings, session.id, realised)
    if tool.server == "jupyter":
        argv, env = _jupyter(project, session, config)
    else:
        argv, env = _gate(project, session, tool, program, realised)
    write_session(project.settings, session)
    labels = {"project": str(project.path), "tool": session.tool, "lock": session.environment or ""}
    env |= {"TRAILMARK_CAPTURE": str(folder / "capture.json")}
    limits = limits_here(project, progress)
    return session, SessionSpec(session.id, argv, env, project.path, labels=labels, limits=limits)


def new_session(project: Project, tool: Tool, engine: str, environment: str) -> Session:
    """Return a session with a key, a port and a folder of its own."""
    session = Session(
        id=new_id(),
        project=str(project.path),
        tool=tool.id,
        engine=engine,
        environment=environment,
        port=free_port(),
        token=secrets.token_urlsafe(24),
        kernel=KERNEL if tool.server == "jupyter" else "",
        started=time.time(),
        state=project.state.name,
        title=tool.title,
        server=tool.server,
        page=tool.page,
    )
    folder_of(project.settings, session.id).mkdir(parents=True, mode=0o700)
    return session


def _write_capture(project: Project, session: Session, tool: Tool, realised: Realised, actor: str) -> Config:
    config = capture_config(
        project,
        session=session.id,
        tool=tool.records_as,
        environment=realised.digest,
        environment_path=realised.path,
        base_prefix=realised.python.resolve().parent.parent,
        actor=actor,
    )
    return Config.load(write_config(folder_of(project.settings, session.id), config))


def _jupyter(project: Project, session: Session, config: Config) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the variables of Jupyter's server, whose configuration is written."""
    folder = folder_of(project.settings, session.id)
    traits = jupyter_settings.render(
        config,
        port=session.port,
        base_url="/",
        python=folder / "environment" / "bin" / "python",
        name=project.name,
        page=session.page,
        hosts=hosts_of(session.id),
    )
    file = folder / "jupyter_server_config.json"
    file.write_text(json.dumps(traits, indent=1), encoding="utf-8")
    jupyter = project.settings.home / "jupyter"
    env = {
        **_clean(os.environ),
        **secret_values(project),
        **secret_file_variables(project),
        "JUPYTER_TOKEN": session.token,
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    module = "trailmark_capture.jupyter.terminal_server" if session.page else "trailmark_capture.jupyter"
    return (*_PYTHON, module, str(file)), env


def _gate(
    project: Project, session: Session, tool: Tool, program: str | None, realised: Realised
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the variables of the gate, whose files are written."""
    around = surroundings_here(project, tool, program, Path(sys.executable))
    file = write_gate(project, session, tool, around)
    given = {**_clean(os.environ), **secret_values(project), **secret_file_variables(project)}
    person = for_person(given, realised.python, Path(sys.prefix))
    return (*_PYTHON, MODULE, str(file)), {**person, **gate_variables(project, session, tool, around)}


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in _LEAKS}
