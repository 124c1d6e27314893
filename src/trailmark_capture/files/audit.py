"""Notes the files of a Python process in the log that the shim would have written, where no shim can be loaded.

It sees what Python itself opens. What a compiled library opens (HDF5, Parquet) and what other programs do, it
does not see. An event comes before the operation, so whether that will succeed is looked up, not known.

Complete in itself, because it runs in an environment that knows nothing of Trailmark. Standard library only,
Python 3.8 or later.
"""

import os
import stat
import sys
import threading
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

LOG_VARIABLE = "TRAILMARK_FILES_LOG"
EXCLUDE_VARIABLE = "TRAILMARK_FILES_EXCLUDE"
_CODES = {ord("\n"): "\\n", ord("\t"): "\\t", ord("\\"): "\\\\", 0x1F: "\\s"}
_NO_FILE = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
_ALWAYS = ("/proc/", "/sys/", "/dev/")


def install(environ: Mapping[str, str]) -> bool:
    """Begin to note the files of this process; False when the environment does not ask for it."""
    log = environ.get(LOG_VARIABLE, "")
    if not os.path.isabs(log):
        return False
    given = environ.get(EXCLUDE_VARIABLE, "").split(":")
    exclude = tuple(prefix.rstrip("/") + "/" for prefix in given if prefix.rstrip("/"))
    sys.addaudithook(_Hook(log, exclude + _ALWAYS))
    return True


class _Hook:
    """What Python calls for each event. Never raises: that would make the operation fail."""

    def __init__(self, log: str, exclude: Tuple[str, ...]) -> None:
        self._log = log
        self._exclude = exclude
        self._here = threading.local()
        self._takers: Dict[str, Callable[..., None]] = {
            "open": self._opens,
            "os.remove": self._removes,
            "os.rename": self._renames,
            "os.link": self._links,
            "os.symlink": self._makes_link,
            "os.truncate": self._truncates,
            "sqlite3.connect": self._connects,
        }

    def __call__(self, event: str, args: Tuple[Any, ...]) -> None:
        """Note an event."""
        taker = self._takers.get(event)
        if taker is None or getattr(self._here, "busy", False):
            return
        self._here.busy = True
        try:
            taker(*args)
        except Exception:
            return
        finally:
            self._here.busy = False

    def _opens(self, name: Any, mode: Optional[str], flags: int) -> None:
        path = _path(name)
        if path is None or path.startswith(self._exclude) or flags & _NO_FILE:
            return
        path = _target(path)
        status = _status(path)
        if status is None:
            if flags & os.O_CREAT and os.path.isdir(os.path.dirname(path)):
                self._note("c", path)
        elif stat.S_ISREG(status.st_mode) and not (flags & os.O_CREAT and flags & os.O_EXCL):
            self._note(_operation(flags, status.st_size), path)

    def _removes(self, name: Any, dir_fd: int) -> None:
        path = _path(name, dir_fd)
        if path is not None and os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
            self._note("d", path)

    def _renames(self, name: Any, to_name: Any, dir_fd: int, to_dir_fd: int) -> None:
        path, to = _path(name, dir_fd), _path(to_name, to_dir_fd)
        if path is None or to is None or not os.path.lexists(path):
            return
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if not is_folder and os.path.lexists(to) and not os.path.isdir(to):
            self._note("d", to)
        self._note("md" if is_folder else "m", path, to)

    def _links(self, name: Any, to_name: Any, dir_fd: int, to_dir_fd: int) -> None:
        path, to = _path(name, dir_fd), _path(to_name, to_dir_fd)
        if path is not None and to is not None and os.path.lexists(path) and not os.path.lexists(to):
            self._note("r", path)
            self._note("c", to)

    def _makes_link(self, target: Any, name: Any, dir_fd: int) -> None:
        path = _path(name, dir_fd)
        if path is not None and not os.path.lexists(path):
            self._note("c", path)

    def _truncates(self, name: Any, length: int) -> None:
        path = _path(name)
        if path is not None and os.path.isfile(path):
            self._note("a" if length else "w", _target(path))

    def _connects(self, name: Any) -> None:
        path = _path(name)
        if path is not None and not os.path.basename(path).startswith((":", "file:")):
            self._opens(path, None, os.O_RDWR | os.O_CREAT)

    def _note(self, op: str, path: str, to: Optional[str] = None) -> None:
        if path.startswith(self._exclude) and (to is None or to.startswith(self._exclude)):
            return
        names = (
            path.translate(_CODES) if to is None else path.translate(_CODES) + "\x1f" + to.translate(_CODES)
        )
        line = "{:.9f}\t{}\t{}\t{}\n".format(time.time(), os.getpid(), op, names)
        fd = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, os.fsencode(line))
        finally:
            os.close(fd)


def _operation(flags: int, size: int) -> str:
    if not flags & (os.O_WRONLY | os.O_RDWR):
        return "r"
    if flags & os.O_TRUNC or size == 0:
        return "w"
    return "rw" if flags & os.O_RDWR else "a"


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except OSError:
        return None


def _path(name: Any, dir_fd: int = -1) -> Optional[str]:
    """Return a name as an absolute path, None for a descriptor and where that can't be told."""
    if not isinstance(name, (str, bytes, os.PathLike)):
        return None
    text = os.fsdecode(name)
    if not text or "\0" in text:
        return None
    if dir_fd != -1 and not os.path.isabs(text):
        text = os.path.join(os.readlink("/proc/self/fd/{}".format(dir_fd)), text)
    return os.path.abspath(text)


def _target(path: str) -> str:
    return os.path.realpath(path) if os.path.islink(path) else path
