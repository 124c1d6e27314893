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
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from trailmark.activity.index import Index
from trailmark.errors import Busy, TrailmarkError
from trailmark.git import Repository, worktree
from trailmark.git.pack import pack_loose
from trailmark.projects.captured import everywhere
from trailmark.projects.catch_up import catch_up
from trailmark.projects.drain import Drain
from trailmark.projects.project import Project
from trailmark.projects.sweep import sweep
from trailmark_capture import journal

log = logging.getLogger("trailmark.recorder")

QUIET_SECONDS = 0.7
INDEX_SECONDS = 0.03
LONGEST_INDEX_SECONDS = 0.15
INDEX_SHARE = 5.0
SCAN_SECONDS = 10.0
PACK_SECONDS = 20.0
LINGER_SECONDS = 15.0
_TICK_SECONDS = 0.25
_IMPATIENT_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 2.0
_WATCH_AGAIN_SECONDS = 1.0
_INDEX_AGAIN_SECONDS = 1.0


class Recorder:
    """Keeps one project's trail up to date until nobody works in it any more."""

    def __init__(self, project: Project, has_sessions: Callable[[], bool]) -> None:
        self._project = project
        self._has_sessions = has_sessions
        self._drain = Drain(project)
        self._indexer = _Indexer(project)
        self._changes = _Changes(project.path)
        self._recorded_at = self._scanned_at = 0.0
        self._index_since = self._index_from = 0.0
        self._index_due = self._scan_due = self._pack_due = True
        self._failures = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Record until the last session has ended, or until asked to stop."""
        with listening(self._project.state / "recorder.sock") as inbox:
            for work in (self._changes.watch, self._indexer.work):
                threading.Thread(target=work, args=(self._stopping,), daemon=True).start()
            self._guarded(lambda: catch_up(self._project, drain=self._drain))
            busy_at = time.monotonic()
            while not self._stopping.is_set() and self._is_there():
                self._guarded(self._step)
                self._wait(inbox)
                if time.monotonic() - busy_at > LINGER_SECONDS:
                    if not self._is_needed():
                        break
                    busy_at = time.monotonic()
            self._stopping.set()
            if self._is_there():
                self._guarded(lambda: catch_up(self._project, drain=self._drain))
                self._guarded(self._tidy)
                self._guarded(self._drain.remove_logs)

    def stop(self) -> None:
        """Ask for an orderly end; returns at once."""
        self._stopping.set()
        journal.nudge(self._project.state / "recorder.sock")

    def _step(self) -> None:
        try:
            if self._drain.run():
                self._note_news()
            self._sweep_if_quiet()
        except BaseException:
            self._indexer.due.set()
            raise
        self._keep_up()

    def _note_news(self) -> None:
        self._recorded_at = time.monotonic()
        if not self._index_due:
            self._index_since = self._recorded_at
        self._index_due = self._scan_due = self._pack_due = True
        self._indexer.due.set()

    def _keep_up(self) -> None:
        """Do what can wait for a quiet moment.

        Git's own index can wait least: a person who commits with an old one takes back what was recorded since.
        But the next action must not wait for it, for what that wrote is soon overwritten; so while much is
        recorded, it has no more than a share of the time.
        """
        now = time.monotonic()
        idle = now - self._recorded_at
        is_late = now - self._index_since > LONGEST_INDEX_SECONDS
        if self._index_due and (idle > INDEX_SECONDS or is_late) and now > self._index_from:
            self._index_due = not self._tidy()
            self._index_from = time.monotonic() + INDEX_SHARE * (time.monotonic() - now)
        elif (self._scan_due or not self._changes.is_complete) and (
            idle > SCAN_SECONDS and now - self._scanned_at > SCAN_SECONDS
        ):
            self._scanned_at = now
            self._scan_due, self._changes.is_complete = False, True
            self._sweep(None)
        elif self._pack_due and idle > PACK_SECONDS:
            self._pack_due = False
            threading.Thread(target=_pack, args=(self._project.path,), daemon=True).start()

    def _sweep_if_quiet(self) -> None:
        paths = left = self._changes.take(QUIET_SECONDS)
        try:
            if paths and not self._drain.is_waiting:
                left = self._sweep(paths)
        finally:
            self._changes.put(left)

    def _sweep(self, paths: frozenset[str] | None) -> frozenset[str]:
        """Record changes made by hand; return the paths that were left to the programs that write them."""
        if self._project.repository.is_in_operation():
            return paths or frozenset()
        busy = self._drain.busy()
        left = frozenset(path for path in paths or () if path in busy)
        wanted = None if paths is None else paths - left
        if (
            wanted != frozenset()
            and sweep(self._project, paths=wanted, find_busy=self._drain.busy) is not None
        ):
            self._note_news()
        self._scan_due = self._scan_due or not busy.is_nothing
        return left

    def _tidy(self) -> bool:
        """Bring git's own index to what was recorded; False while a person's git is at work."""
        with self._project.trail.lock:
            return worktree.sync_index(self._project.repository)

    def _wait(self, inbox: socket.socket) -> None:
        timeout = _IMPATIENT_SECONDS if self._drain.is_waiting or self._index_due else _TICK_SECONDS
        select.select([inbox], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            while inbox.recv(16):
                pass

    def _is_there(self) -> bool:
        """Return whether the project still lies where it did; in a new place, a new recorder is started."""
        return (self._project.path / ".git").exists()

    def _is_needed(self) -> bool:
        """Return whether some journal still has a living writer, or a session is running."""
        for place in everywhere(self._project.state):
            if not all(map(journal.is_abandoned, journal.segments(place.journal))):
                return True
        return self._has_sessions()

    def _guarded(self, work: Callable[[], object]) -> None:
        """Do some work. Whatever goes wrong is told once and tried again, less and less often."""
        try:
            work()
        except Exception as error:
            self._failures += 1
            if isinstance(error, Busy):
                log.info("%s", error)
            elif self._failures == 1:
                log.exception("Recording failed; the journal keeps everything, and it is tried again.")
            else:
                log.error("Recording failed again (%d times): %s", self._failures, error)
            self._stopping.wait(min(_LONGEST_PAUSE_SECONDS, _TICK_SECONDS * self._failures))
        else:
            self._failures = 0


class _Indexer:
    """Brings the index up to date beside the recording, which must not wait until a long trail is read in."""

    def __init__(self, project: Project) -> None:
        self._path, self._file = project.path, project.state / "index.sqlite"
        self.due = threading.Event()
        self.due.set()

    def work(self, stopping: threading.Event) -> None:
        """Take in what is due until told to stop; what fails is tried again with the next record."""
        while not stopping.is_set():
            try:
                with Index.open(self._file) as index:
                    self._follow(index, Repository.open(self._path), stopping)
            except (OSError, TrailmarkError) as error:
                log.warning("The index could not be brought up to date: %s", error)
                stopping.wait(_INDEX_AGAIN_SECONDS)

    def _follow(self, index: Index, repository: Repository, stopping: threading.Event) -> None:
        while not stopping.is_set():
            if self.due.wait(_TICK_SECONDS):
                self.due.clear()
                index.refresh(repository)


class _Changes:
    """The paths that have changed, as a watcher of the folder tells, until somebody takes them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths: set[str] = set()
        self._at = 0.0
        self._guard = threading.Lock()
        self.is_complete = True

    def watch(self, stopping: threading.Event) -> None:
        """Take note of changes until told to stop. After a failure, changes may be missing."""
        while not stopping.is_set():
            try:
                for changes in watch(
                    self._root,
                    watch_filter=_NotOurs(self._root),
                    step=50,
                    debounce=400,
                    stop_event=stopping,
                    raise_interrupt=False,
                ):
                    self.put({Path(path).relative_to(self._root).as_posix() for _, path in changes})
            except Exception as error:
                if self.is_complete:
                    log.warning(
                        "The folder cannot be watched (%s); it is looked through now and then.", error
                    )
                self.is_complete = False
                stopping.wait(_WATCH_AGAIN_SECONDS)

    def take(self, quiet: float) -> frozenset[str]:
        """Return what has changed, once nothing has for a while, and forget it."""
        with self._guard:
            if time.monotonic() - self._at <= quiet:
                return frozenset()
            taken, self._paths = frozenset(self._paths), set()
        return taken

    def put(self, paths: Set[str]) -> None:
        """Note paths, to be taken when it is quiet again."""
        if paths:
            with self._guard:
                self._paths |= paths
                self._at = time.monotonic()


class _NotOurs(DefaultFilter):
    """Lets through what a person's files do, not what git and caches do."""

    ignore_dirs = (".git", "__pycache__", ".ipynb_checkpoints", "node_modules", ".venv", ".mypy_cache")

    def __init__(self, root: Path) -> None:
        super().__init__(ignore_dirs=self.ignore_dirs, ignore_entity_patterns=(r"\.~.*", r".*\.swp$"))
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        relative = os.path.relpath(path, self._root)
        is_ours = relative != os.curdir and super().__call__(change, relative)
        return is_ours and not self._is_behind_a_link(relative)

    def _is_behind_a_link(self, path: str) -> bool:
        """Return whether a folder above a path is a link: watching follows it, but nothing there is the project's."""
        return any((self._root / parent).is_symlink() for parent in Path(path).parents)


def _pack(path: Path) -> None:
    """Pack a project's objects beside the recording, which must not wait for it."""
    try:
        pack_loose(Repository.open(path))
    except TrailmarkError as error:
        log.warning("%s", error)


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
