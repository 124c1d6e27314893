"""`trailmark run`: one command as a session of its own, with its streams, exit code and files recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trailmark.engines.docker import DockerEngine
from trailmark.environments.realise import Realised
from trailmark.environments.uv import Uv
from trailmark.environments.whole.resolve import Managers, Means
from trailmark.progress import Progress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.environment import current_lock
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.projects.secret_files import secret_file_variables
from trailmark.projects.secrets import secret_values
from trailmark.projects.used import note_use
from trailmark.sessions.capture import capture_config, write_config
from trailmark.sessions.run_inside import run_inside
from trailmark.sessions.session import folder_of, forget_session
from trailmark_capture.config import Config
from trailmark_capture.journal import Writer, new_id
from trailmark_capture.run import run_command


@dataclass(frozen=True)
class Ran:
    """A command that has ended: its exit code, and the session under which its record stands."""

    code: int
    session: str


def run(
    project: Project,
    argv: Sequence[str],
    uv: Uv,
    progress: Progress,
    *,
    cwd: Path,
    title: str | None = None,
    actor: str,
    onto: Sequence[int | None] = (1, 2),
    engine: DockerEngine | None = None,
    managers: Managers | None = None,
) -> Ran:
    """Run a command in the project's environment and record it; return how it ended.

    `onto` says to which descriptors its output and its errors go on; None keeps one to the record. A project
    that asks for no packages and has no lock runs with what the machine offers. With an `engine`, it runs in the
    image of the project's environment there.
    """
    catch_up(project)
    means = Means(uv, managers or {})
    if engine is not None:
        try:
            return Ran(
                *run_inside(
                    project, argv, engine, means, progress, cwd=cwd, title=title, actor=actor, onto=onto
                )
            )
        finally:
            catch_up(project)
    wants_environment = current_lock(project) is not None or project.manifest().packages
    realised = ready_environment(project, means, progress, actor=actor) if wants_environment else None
    session = new_id()
    folder = folder_of(project.settings, session)
    folder.mkdir(parents=True, mode=0o700)
    try:
        code = _run(project, argv, realised, session, folder, cwd=cwd, title=title, actor=actor, onto=onto)
    finally:
        forget_session(project.settings, session)
        catch_up(project)
    return Ran(code, session)


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
    onto: Sequence[int | None],
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
        env = _environment(project, realised)
        return run_command(argv, loaded, writer, title=title, env=env, cwd=cwd, onto=onto)
    finally:
        writer.close()


def _environment(project: Project, realised: Realised | None) -> dict[str, str]:
    env = {**os.environ, **secret_values(project), **secret_file_variables(project)}
    if realised is not None:
        note_use(project.settings, realised.path.name)
        env["VIRTUAL_ENV"] = str(realised.path)
        env["PATH"] = f"{realised.path / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
        env.pop("PYTHONHOME", None)
    return env
