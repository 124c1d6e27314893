"""What Linux tells of the files below a folder, for where neither shim nor audit hook can see.

It does not tell who did it: every access is a candidate. There is a thread that keeps the system's queue
short; when the queue overflows all the same, or there are more folders than may be watched, `is_complete`
is False.

Standard library only, Python 3.8 or later.
"""

import ctypes
import fcntl
import os
import select
import struct
import sys
import termios
import threading
import time
from collections import deque
from pathlib import Path
from typing import Deque, Dict, Iterator, List, NamedTuple, Optional, Tuple

from trailmark_capture.files.log import Access

_ACCESS, _MODIFY, _CLOSE_WRITE, _CLOSE_NOWRITE = 0x1, 0x2, 0x8, 0x10
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _IS_FOLDER = 0x4000, 0x8000, 0x40000000
_ONLY_FOLDERS, _NO_LINKS = 0x1000000, 0x2000000
_MASK = _ACCESS | _MODIFY | _CLOSE_WRITE | _CLOSE_NOWRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_OPS = (
    (_CREATE, "c"),
    (_MODIFY | _CLOSE_WRITE, "w"),
    (_DELETE, "d"),
    (_ACCESS | _CLOSE_NOWRITE, "r"),
)
_EVENT = struct.Struct("iIII")
_SKIPPED = frozenset((".git", "__pycache__", ".ipynb_checkpoints", "node_modules", ".venv"))
_MOST_KEPT = 200_000
_SAME_SECONDS = 0.05


class _Event(NamedTuple):
    watch: int
    mask: int
    cookie: int
    name: str


class Watcher:
    """Watches the files of a project. Close it when it is no longer needed."""

    def __init__(self, project: Path) -> None:
        self._root = os.path.realpath(str(project))
        self._folders: Dict[int, str] = {}
        self._kept: Deque[Access] = deque(maxlen=_MOST_KEPT)
        self._lock = threading.Lock()
        self._fd = -1
        self._closing: Tuple[int, int] = (-1, -1)
        self._thread: Optional[threading.Thread] = None
        self.is_complete = True

    def start(self) -> bool:
        """Begin; False where the system offers no such thing."""
        if not sys.platform.startswith("linux"):
            return False
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            return False
        self._closing = os.pipe()
        with self._lock:
            self._watch(self._root)
        self._thread = threading.Thread(target=self._run, name="files", daemon=True)
        self._thread.start()
        return True

    def accesses(self, since: float, until: float) -> List[Access]:
        """Return the accesses of a span of time that has just ended; forget those before it."""
        with self._lock:
            self._drain(until)
            while self._kept and self._kept[0].time < since - 3600:
                self._kept.popleft()
            return [access for access in self._kept if since <= access.time <= until]

    def close(self) -> None:
        """End watching."""
        if self._thread is None:
            return
        os.write(self._closing[1], b".")
        self._thread.join()
        self._thread = None
        for fd in (self._fd, *self._closing):
            os.close(fd)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._closing[0]], [], [])
            if self._closing[0] in ready:
                return
            with self._lock:
                self._drain(time.time())

    def _drain(self, now: float) -> None:
        moved: Optional[Tuple[_Event, str]] = None
        for event in self._iter_events():
            if event.mask & _OVERFLOW:
                self.is_complete = False
            if event.mask & _IGNORED:
                self._folders.pop(event.watch, None)
            if event.watch not in self._folders or not event.name or event.name in _SKIPPED:
                continue
            path = "{}/{}".format(self._folders[event.watch], event.name)
            if moved is not None and (event.mask & _MOVED_TO and event.cookie == moved[0].cookie):
                self._moved(now, event, moved[1], path)
                moved = None
                continue
            if moved is not None:
                self._left(now, *moved)
            moved = (event, path) if event.mask & _MOVED_FROM else None
            if moved is None:
                self._happened(now, event, path)
        if moved is not None:
            self._left(now, *moved)

    def _iter_events(self) -> Iterator[_Event]:
        while fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4) != b"\0" * 4:
            data = os.read(self._fd, 1 << 16)
            offset = 0
            while offset < len(data):
                watch, mask, cookie, length = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                yield _Event(watch, mask, cookie, os.fsdecode(data[offset : offset + length].rstrip(b"\0")))
                offset += length

    def _happened(self, now: float, event: _Event, path: str) -> None:
        if event.mask & _IS_FOLDER:
            if event.mask & (_CREATE | _MOVED_TO):
                for file in self._watch(path):
                    self._note(now, "c", file)
            return
        if event.mask & _MOVED_TO:
            self._note(now, "c", path)
        for mask, op in _OPS:
            if event.mask & mask:
                self._note(now, op, path)

    def _moved(self, now: float, event: _Event, path: str, to: str) -> None:
        if not event.mask & _IS_FOLDER:
            self._note(now, "m", path, to)
            return
        self._note(now, "md", path, to)
        for watch, folder in self._folders.items():
            if folder == path or folder.startswith(path + "/"):
                self._folders[watch] = to + folder[len(path) :]

    def _left(self, now: float, event: _Event, path: str) -> None:
        """Take into account that something was moved out of the project."""
        if not event.mask & _IS_FOLDER:
            self._note(now, "d", path)

    def _note(self, now: float, op: str, path: str, to: Optional[str] = None) -> None:
        access = Access(now, 0, op, path, to, True)
        if self._kept:
            last = self._kept[-1]
            if last[2:] == access[2:] and now - last.time < _SAME_SECONDS:
                return
        self._kept.append(access)

    def _watch(self, top: str) -> List[str]:
        """Watch a folder and those below it; return the files that are there already."""
        found: List[str] = []
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in _SKIPPED]
            flags = _MASK | _ONLY_FOLDERS | _NO_LINKS
            watch = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), flags)
            if watch >= 0:
                self._folders[watch] = folder
            elif os.path.isdir(folder):
                self.is_complete = False
            found += [os.path.join(folder, name) for name in files]
        return found
