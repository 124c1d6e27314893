"""`trailmark run --engine docker`: one command in a container, recorded there by the same code.

The container lives apart from us: what is written down before it begins lets `status` show it and `stop` end it,
whatever becomes of us.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trailmark.engines.docker import DockerEngine
from trailmark.engines.life import holding
from trailmark.environments.whole.recipe import PYTHON
from trailmark.environments.whole.resolve import Means
from trailmark.errors import TrailmarkError
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.sessions.container import Inside, find_inside, order, write_inside
from trailmark.sessions.leftovers import forget_ended, launching
from trailmark.sessions.session import Session, client_of, forget_session, write_session
from trailmark_capture.journal import new_id

_MODULE = "trailmark_capture.gate.recorded"
_NO_CODE = 127
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAUNCH_SECONDS = 600.0
_AGAIN_SECONDS = 0.2


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

    It has no standard input. When we are interrupted, it is asked to end, and followed until it has; when we are
    killed, it runs on as a session.
    """
    inside = find_inside(project, engine, means, progress, actor=actor)
    session = _session(project, inside)
    settings = project.settings
    with contextlib.ExitStack() as kept:
        try:
            with launching(project, timeout=_LAUNCH_SECONDS):
                kept.enter_context(holding(client_of(settings, session.id)))
                forget_ended(project, engine)
                write_inside(project, session, inside, actor)
                write_session(settings, session)
                end = kept.enter_context(_ending(lambda: engine.stop(session.id)))
                env = {"PATH": f"{PYTHON}/bin:{inside.path}", "VIRTUAL_ENV": PYTHON}
                engine.submit(order(project, session, inside, (_MODULE, title or "", *argv), env, cwd))
            code = _follow(engine, session.id, onto, end)
        finally:
            engine.stop(session.id)
            engine.forget(session.id)
            forget_session(settings, session.id)
    return code, session.id


def _session(project: Project, inside: Inside) -> Session:
    return Session(
        id=new_id(),
        project=str(project.path),
        tool="trailmark",
        engine=inside.engine,
        environment=inside.digest,
        port=0,
        token="",
        kernel="",
        started=time.time(),
        state=project.state.name,
        title="A command",
    )


@contextlib.contextmanager
def _ending(stop: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Give what ends a session beside us, which signals do too, while whoever follows it goes on following.

    A signal that is ignored stays so; in a thread, none comes.
    """
    begun: list[threading.Thread] = []
    done = threading.Event()

    def keep_stopping() -> None:
        while not done.is_set():
            with contextlib.suppress(TrailmarkError):
                stop()
            done.wait(_AGAIN_SECONDS)

    def end() -> None:
        if not begun:
            begun.append(threading.Thread(target=keep_stopping, daemon=True))
            begun[0].start()

    is_main = threading.current_thread() is threading.main_thread()
    heard = [number for number in _SIGNALS if is_main and signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: end()) for number in heard}
    try:
        yield end
    finally:
        done.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(
    engine: DockerEngine, session_id: str, onto: Sequence[int | None], end: Callable[[], None]
) -> int:
    """Pass on what the command says until it ends; return its exit code. When nobody listens, it is ended."""
    targets = list(onto)
    for said in engine.follow(session_id):
        for at, text in enumerate(said):
            target = targets[at]
            if not text or target is None:
                continue
            try:
                _write(target, text)
            except OSError:
                targets[at] = None
                end()
    state = engine.inspect(session_id)
    while state is not None and state.is_live:
        time.sleep(0.02)
        state = engine.inspect(session_id)
    return _NO_CODE if state is None or state.exit_code is None else state.exit_code


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
