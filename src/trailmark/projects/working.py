"""What the programs that capture follows are writing now: a sweep leaves it to the actions that write it.

Their logs of accesses tell which files they touched, whether or not their journal entry has come already, and
Linux tells which files they still have open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trailmark.projects.captured import everywhere
from trailmark.projects.entries import Entry
from trailmark.projects.project import Project
from trailmark_capture.files.log import WRITES, accesses
from trailmark_capture.files.opened import followed, open_for_writing

RECENT_SECONDS = 4.0
"""For as long a file belongs to whoever touched it, even when no entry says so yet; longer than capture takes."""


@dataclass(frozen=True)
class Busy:
    """The paths that are being written. `below` are folders that were moved; everything in them is busy.

    `since` is the beginning of the oldest action that nobody can follow closely: what changed after that may be
    its work.
    """

    root: Path
    paths: frozenset[str] = frozenset()
    below: frozenset[str] = frozenset()
    since: float | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is being written."""
        return not (self.paths or self.below) and self.since is None

    def __contains__(self, path: object) -> bool:
        text = str(path)
        if text in self.paths or (self.below and any(text.startswith(f"{folder}/") for folder in self.below)):
            return True
        return self.since is not None and self._is_younger(text, self.since)

    def _is_younger(self, path: str, moment: float) -> bool:
        try:
            return os.lstat(self.root / path).st_ctime >= moment
        except OSError:
            return True


class Working:
    """Follows the logs of a project's running programs. Cheap to ask again: it reads on where it was."""

    def __init__(self, project: Project) -> None:
        self._root = project.path
        self._logs = [place.files for place in everywhere(project.state)]
        self._followed: dict[Path, _Log] = {}

    def busy(self, running: Iterable[Entry], waiting: Iterable[str] = ()) -> Busy:
        """Return what the running actions, and programs of which no action is known yet, are writing.

        `waiting` are paths that are left alone as well.
        """
        running = list(running)
        begun: dict[Path, float] = {}
        for entry in running:
            for log in _logs_of([entry]):
                begun[log] = min(float(entry["started"]), begun.get(log, float("inf")))
        programs = {pid: log for folder in self._logs for pid, log in followed(folder).items()}
        now = time.time()
        paths = {*waiting, *open_for_writing(programs, self._root)}
        below: set[str] = set()
        wanted = {*begun, *map(Path, programs.values())}
        self._followed = {log: self._followed.get(log) or _Log(log, self._root) for log in wanted}
        for name, followed_log in self._followed.items():
            since = begun.get(name)
            followed_log.read_on(keep_from=min(since or now, now - RECENT_SECONDS))
            paths |= followed_log.touched(followed_log.files, since, now)
            below |= followed_log.touched(followed_log.folders, since, now)
        loose = [float(entry["started"]) for entry in running if "inotify" in (entry.get("files_by") or "")]
        return Busy(self._root, frozenset(paths), frozenset(below), min(loose, default=None))

    def was_touched(self, path: str, after: float, actions: Iterable[Entry]) -> bool:
        """Return whether a program of these actions has touched a path after a moment."""
        for name in _logs_of(actions):
            log = self._followed.setdefault(name, _Log(name, self._root))
            log.read_on(keep_from=after - RECENT_SECONDS)
            if log.files.get(path, 0.0) > after:
                return True
        return False


def _logs_of(actions: Iterable[Entry]) -> set[Path]:
    return {Path(log) for entry in actions if (log := entry.get("files_log"))}


class _Log:
    """One log of accesses: when each path was last written, made, deleted or renamed."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._root = f"{root}/"
        self._offset = 0
        self._inode = 0
        self._folders: dict[str, str] = {}
        self.files: dict[str, float] = {}
        self.folders: dict[str, float] = {}

    def read_on(self, keep_from: float) -> None:
        """Take in what was added; a log that was begun anew is read from its beginning."""
        try:
            inode = self._path.lstat().st_ino
        except OSError:
            return
        if inode != self._inode:
            self._inode, self._offset = inode, 0
        found, self._offset = accesses(self._path, self._offset, 0.0, float("inf"))
        for access in found:
            if access.op not in WRITES:
                continue
            for path in filter(None, (access.path, access.to)):
                self._note(path, access.time, is_folder=access.op == "md")
        for known in (self.files, self.folders):
            for path in [path for path, at in known.items() if at < keep_from]:
                del known[path]

    def touched(self, known: Mapping[str, float], since: float | None, now: float) -> set[str]:
        """Return the known paths touched since an action began, and those touched only just now."""
        return {
            path
            for path, at in known.items()
            if abs(now - at) < RECENT_SECONDS or (since is not None and at >= since)
        }

    def _note(self, path: str, at: float, *, is_folder: bool) -> None:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder or "/")
        whole = f"{self._folders[folder].rstrip('/')}/{name}"
        if whole.startswith(self._root):
            (self.folders if is_folder else self.files)[whole.removeprefix(self._root)] = at
