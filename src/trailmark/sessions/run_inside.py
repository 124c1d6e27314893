"""`trailmark run --engine docker`: one command in a container, recorded there by the same code."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from trailmark.engines.docker import DockerEngine
from trailmark.environments.whole.recipe import PYTHON
from trailmark.environments.whole.resolve import Means
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.sessions.container import find_inside, order, write_inside
from trailmark.sessions.session import Session, folder_of, forget_session
from trailmark_capture.journal import new_id

_MODULE = "trailmark_capture.gate.recorded"
_NO_CODE = 127


def run_inside(
    project: Project,
    argv: Sequence[str],
    engine: DockerEngine,
    means: Means,
    progress: Progress,
    *,
    cwd: Path,
    title: str | None,
    actor: str,
    onto: Sequence[int | None],
) -> tuple[int, str]:
    """Run a command in the image of the project's environment; return its exit code and the session's id.

    It has no standard input. When we are interrupted, it is ended, and what it did is recorded.
    """
    inside = find_inside(project, engine, means, progress, actor=actor)
    session = Session(
        id=new_id(),
        project=str(project.path),
        tool="trailmark",
        engine=engine.name,
        environment=inside.digest,
        port=0,
        token="",
        kernel="",
        started=time.time(),
        state=project.state.name,
    )
    folder_of(project.settings, session.id).mkdir(parents=True, mode=0o700)
    try:
        write_inside(project, session, inside, actor)
        env = {"PATH": f"{PYTHON}/bin:{inside.path}", "VIRTUAL_ENV": PYTHON}
        engine.submit(order(project, session, inside, (_MODULE, title or "", *argv), env, cwd))
        return _follow(engine, session.id, onto), session.id
    finally:
        engine.stop(session.id)
        engine.forget(session.id)
        forget_session(project.settings, session.id)


def _follow(engine: DockerEngine, session_id: str, onto: Sequence[int | None]) -> int:
    """Pass on what the command says until it ends; return its exit code."""
    for said in engine.follow(session_id):
        for text, descriptor in zip(said, onto, strict=True):
            if text and descriptor is not None:
                _write(descriptor, text)
    state = engine.inspect(session_id)
    while state is not None and state.is_live:
        time.sleep(0.02)
        state = engine.inspect(session_id)
    return _NO_CODE if state is None or state.exit_code is None else state.exit_code


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
