"""The recorder: a resident process that turns a project's journal and file changes into records.

One runs for each project that somebody works in. It may be killed at any time: whoever starts the next one,
or gives the next command, finds everything that was journalled.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from trailmark.activity.index import Index
from trailmark.errors import Busy, TrailmarkError
from trailmark.git import worktree
from trailmark.git.pack import pack_loose
from trailmark.projects.catch_up import catch_up
from trailmark.projects.drain import Drain
from trailmark.projects.project import Project
from trailmark.projects.sweep import sweep
from trailmark_capture import journal

log = logging.getLogger("trailmark.recorder")

QUIET_SECONDS = 0.7
INDEX_SECONDS = 0.5
PACK_SECONDS = 20.0
LINGER_SECONDS = 15.0
_TICK_SECONDS = 0.25
_IMPATIENT_SECONDS = 0.02


class Recorder:
    """Keeps one project's trail up to date until nobody works in it any more."""

    def __init__(self, project: Project, has_sessions: Callable[[], bool]) -> None:
        self._project = project
        self._has_sessions = has_sessions
        self._drain = Drain(project)
        self._index = Index.open(project.state / "index.sqlite")
        self._changed: set[str] = set()
        self._changed_at = 0.0
        self._guard = threading.Lock()
        self._recorded_at = 0.0
        self._index_due = True
        self._pack_due = True
        self._stopping = threading.Event()

    def run(self) -> None:
        """Record until the last session has ended, or until asked to stop."""
        with listening(self._project.state / "recorder.sock") as inbox:
            watcher = threading.Thread(target=self._watch, daemon=True)
            watcher.start()
            self._guarded(lambda: catch_up(self._project, drain=self._drain))
            self._guarded(lambda: self._index.refresh(self._project.repository))
            busy_at = time.monotonic()
            while not self._stopping.is_set():
                self._wait(inbox)
                self._guarded(self._step)
                if time.monotonic() - busy_at > LINGER_SECONDS:
                    if not self._is_needed():
                        break
                    busy_at = time.monotonic()
            self._stopping.set()
            self._guarded(lambda: catch_up(self._project, drain=self._drain))
            self._guarded(self._tidy)

    def stop(self) -> None:
        """Ask for an orderly end; returns at once."""
        self._stopping.set()
        journal.nudge(self._project.state / "recorder.sock")

    def _step(self) -> None:
        recorded = list(self._drain.run())
        swept = self._sweep_if_quiet()
        if recorded or swept:
            self._recorded_at = time.monotonic()
            self._index_due = self._pack_due = True
            self._index.refresh(self._project.repository)
            return
        idle = time.monotonic() - self._recorded_at
        if self._index_due and idle > INDEX_SECONDS:
            self._tidy()
            self._index_due = False
        elif self._pack_due and idle > PACK_SECONDS:
            pack_loose(self._project.repository)
            self._pack_due = False

    def _sweep_if_quiet(self) -> bool:
        with self._guard:
            is_quiet = time.monotonic() - self._changed_at > QUIET_SECONDS
            if not self._changed or not is_quiet:
                return False
            paths = frozenset(self._changed)
        busy = self._drain.busy_paths()
        if busy is None or self._drain.is_waiting or self._project.repository.is_in_operation():
            return False
        with self._guard:
            self._changed -= paths - busy
        return sweep(self._project, paths=paths - busy, exclude=busy) is not None

    def _tidy(self) -> None:
        with self._project.trail.lock:
            if not self._project.repository.is_in_operation():
                worktree.sync_index(self._project.repository)

    def _wait(self, inbox: socket.socket) -> None:
        timeout = _IMPATIENT_SECONDS if self._drain.is_waiting else _TICK_SECONDS
        select.select([inbox], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            while inbox.recv(16):
                pass

    def _watch(self) -> None:
        root = self._project.path
        for changes in watch(
            root,
            watch_filter=_NotOurs(root),
            step=50,
            debounce=400,
            stop_event=self._stopping,
            raise_interrupt=False,
        ):
            with self._guard:
                self._changed.update(Path(path).relative_to(root).as_posix() for _, path in changes)
                self._changed_at = time.monotonic()

    def _is_needed(self) -> bool:
        """Return whether some journal still has a living writer, or a session is running."""
        if any(
            not journal.is_abandoned(segment) for segment in journal.segments(self._project.state / "journal")
        ):
            return True
        return self._has_sessions()

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Busy as error:
            log.info("%s", error)
        except (TrailmarkError, OSError):
            log.exception("Recording failed; the journal keeps everything, and it is tried again.")
            time.sleep(_TICK_SECONDS)


class _NotOurs(DefaultFilter):
    """Lets through what a person's files do, not what git and caches do."""

    ignore_dirs = (".git", "__pycache__", ".ipynb_checkpoints", "node_modules", ".venv", ".mypy_cache")

    def __init__(self, root: Path) -> None:
        super().__init__(ignore_dirs=self.ignore_dirs, ignore_entity_patterns=(r"\.~.*", r".*\.swp$"))
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        return path != str(self._root) and super().__call__(change, path)


@contextlib.contextmanager
def listening(address: Path) -> Iterator[socket.socket]:
    """Listen for nudges at a datagram socket, replacing one that a dead process left."""
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.setblocking(False)
        with journal.short_address(address) as short:
            inbox.bind(short)
        try:
            yield inbox
        finally:
            address.unlink(missing_ok=True)


def is_recording(project: Project) -> bool:
    """Return whether a recorder is at work on the project."""
    fd = _claim(project)
    if fd is None:
        return True
    os.close(fd)
    return False


def run_recorder(project: Project, has_sessions: Callable[[], bool]) -> bool:
    """Run the recorder of a project until it is not needed; False at once when one is running already."""
    fd = _claim(project)
    if fd is None:
        return False
    recorder = Recorder(project, has_sessions)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: recorder.stop())
    try:
        recorder.run()
    finally:
        os.close(fd)
    return True


def _claim(project: Project) -> int | None:
    """Take the right to be the project's recorder, which ends with our process; None when it is taken."""
    project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(project.state / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
