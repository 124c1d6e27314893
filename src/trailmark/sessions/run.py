"""`trailmark run`: one command as a session of its own, with its streams, exit code and files recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from trailmark.environments.realise import Realised
from trailmark.environments.uv import Uv
from trailmark.progress import Progress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.packages import current_lock, ready_environment
from trailmark.projects.project import Project
from trailmark.projects.secrets import secret_values
from trailmark.sessions.capture import capture_config, write_config
from trailmark.sessions.session import folder_of, forget_session
from trailmark_capture.config import Config
from trailmark_capture.journal import Writer, new_id
from trailmark_capture.run import run_command


def run(
    project: Project,
    argv: Sequence[str],
    uv: Uv,
    progress: Progress,
    *,
    cwd: Path,
    title: str | None = None,
    actor: str,
) -> int:
    """Run a command in the project's environment and record it; return the command's own exit code.

    A project that asks for no packages and has no lock runs with what the machine offers.
    """
    catch_up(project)
    wants_environment = current_lock(project) is not None or project.manifest().packages
    realised = ready_environment(project, uv, progress, actor=actor) if wants_environment else None
    session = new_id()
    folder = folder_of(project.settings, session)
    folder.mkdir(parents=True, mode=0o700)
    try:
        return _run(project, argv, realised, session, folder, cwd=cwd, title=title, actor=actor)
    finally:
        forget_session(project.settings, session)
        catch_up(project)


def _run(
    project: Project,
    argv: Sequence[str],
    realised: Realised | None,
    session: str,
    folder: Path,
    *,
    cwd: Path,
    title: str | None,
    actor: str,
) -> int:
    config = capture_config(
        project,
        session=session,
        tool="trailmark",
        environment=realised.digest if realised else None,
        environment_path=realised.path if realised else None,
        base_prefix=realised.python.resolve().parent.parent if realised else None,
        actor=actor,
    )
    loaded = Config.load(write_config(folder, config))
    writer = Writer(loaded.journal, f"run-{session}", loaded.nudge)
    try:
        return run_command(argv, loaded, writer, title=title, env=_environment(project, realised), cwd=cwd)
    finally:
        writer.close()


def _environment(project: Project, realised: Realised | None) -> dict[str, str]:
    env = {**os.environ, **secret_values(project)}
    if realised is not None:
        env["VIRTUAL_ENV"] = str(realised.path)
        env["PATH"] = f"{realised.path / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
        env.pop("PYTHONHOME", None)
    return env
