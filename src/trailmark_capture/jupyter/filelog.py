"""The files of one kernel: its log of accesses, read as its cells end."""

import contextlib
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from trailmark_capture.config import Config
from trailmark_capture.files.inotify import Watcher
from trailmark_capture.files.log import Access, Files, accesses, classify, is_within
from trailmark_capture.files.opened import StillOpen
from trailmark_capture.jupyter.actions import Accesses

ROTATE_BYTES = 4 * 1024 * 1024


class FileLog:
    """Says which files were touched in a span of time. Used by one thread.

    Where the shim can't be loaded, `watcher` adds what the system tells of the project's files: candidates,
    for nobody's name stands on them. `own` are files that the server itself writes, such as the notebook.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        language: str,
        watcher: Watcher | None = None,
        own: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.path = path
        self._config = config
        self._watcher = watcher
        self._own = own
        self.by = _noted_by(config, language, watcher)
        self._offset = 0
        self._old = path.with_suffix(".old")
        self._old_offset: int | None = None
        self._known: list[Access] = []
        self._open = StillOpen(path, config.project)

    def files(self, since: float, until: float) -> Accesses:
        """Return what was read, written and deleted between two moments.

        A file that is still open for writing is marked; one that was, and has been closed, is written by now.
        """
        found = self._between(since, until)
        files = self._classified(found)
        return Accesses(files.reads, self._open.marked(files.writes, found), files.deletes, self.by)

    def changed(self, since: float, until: float) -> Accesses:
        """Return what was written and deleted between two moments, but not what was only read."""
        return replace(self.files(since, until), reads=[])

    def left(self, since: float, until: float) -> Accesses:
        """Return what the kernel's threads and programs, for certain, wrote and deleted while no cell ran.

        Files that are still open do not appear.
        """
        self._read()
        found = [access for access in self._known if since < access.time <= until]
        if not (found or self._open):
            return Accesses()
        files = self._classified(found)
        writes = [entry for entry in self._open.marked(files.writes, found) if not entry.get("open")]
        return Accesses([], writes, files.deletes, self.by)

    def forget(self, before: float) -> None:
        """Forget what nobody will ask for again, and begin a new log when this one has grown large."""
        self._known = [access for access in self._known if access.time >= before]
        if self._offset > ROTATE_BYTES and not self._known and self._old_offset is None:
            with contextlib.suppress(OSError):
                os.replace(self.path, self._old)
                self._old_offset, self._offset = self._offset, 0

    def close(self) -> None:
        """Remove the log."""
        for path in (self.path, self._old):
            with contextlib.suppress(OSError):
                path.unlink()

    def _between(self, since: float, until: float) -> list[Access]:
        self._read()
        found = [access for access in self._known if is_within(access.time, since, until)]
        if self._watcher is not None:
            own = {str(self._config.project / path) for path in self._own()}
            candidates = self._watcher.accesses(since, until)
            found += [access for access in candidates if not own.intersection((access.path, access.to))]
        return found

    def _classified(self, found: list[Access]) -> Files:
        return classify(found, self._config.project, self._config.exclude) if found else Files([], [], [])

    def _read(self) -> None:
        if self._old_offset is not None:
            # A program that had the log open when it was renamed has written its line by now.
            self._known += accesses(self._old, self._old_offset, 0.0, math.inf)[0]
            self._old_offset = None
            with contextlib.suppress(OSError):
                self._old.unlink()
        found, self._offset = accesses(self.path, self._offset, 0.0, math.inf)
        self._known += found


def _noted_by(config: Config, language: str, watcher: Watcher | None) -> str:
    if config.shim is not None:
        return "shim"
    noted = ["audit"] if language == "python" else []
    return "+".join([*noted, *(["inotify"] if watcher is not None else [])]) or "none"
