"""Which files programs have open for writing now, as Linux tells it. Elsewhere nothing is known, and nothing found.

A file that is still open is not finished: what it holds may be half of a line, and the rest in the memory of the
program. Who the programs are is told by their environment, which every program that they start inherits.

Standard library only, Python 3.8 or later.
"""

import os
import stat
import time
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from trailmark_capture.files import LOG_VARIABLE
from trailmark_capture.files.log import WRITES, Access, Entry
from trailmark_capture.shared import SharedFolder

_PROCESSES = "/proc"
_LOOKS = 5
_LOOK_AGAIN = 0.001
_NEVER = frozenset((".git", ".ipynb_checkpoints", "__pycache__"))


class _Known(NamedTuple):
    """A file that is open. `is_owed` says that some entry has left its content to a later one."""

    stamp: Sequence[int]
    is_owed: bool


class StillOpen:
    """The files that programs with one log have open for writing, from one action to the next."""

    def __init__(self, log: Path, project: Path) -> None:
        self._log = log
        self._project = project
        self._known: Dict[str, _Known] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def marked(self, writes: Sequence[Entry], found: Iterable[Access]) -> List[Entry]:
        """Return what an action wrote, going by its accesses, with what is still open marked ``"open": true``.

        What was open before, and was written to or closed since, is added. Nobody is asked while nothing is open
        and nothing was opened.
        """
        if not self._known and not any(access.op in WRITES for access in found):
            return list(writes)
        processes = [pid for pid, log in followed(self._log.parent).items() if log == str(self._log)]
        now_open = open_for_writing(processes, self._project)
        before, self._known = self._known, {}
        told = [dict(entry, open=True) if entry["path"] in now_open else entry for entry in writes]
        named = {entry["path"] for entry in writes}
        for path in sorted(now_open):
            told += self._go_on(path, before.get(path), path in named)
        for path, known in sorted(before.items()):
            is_over = path not in now_open and path not in named
            if is_over and (known.is_owed or self._stamp(path) != known.stamp) and self._stamp(path):
                told.append({"path": path, "external": False})
        return told

    def _go_on(self, path: str, known: Optional[_Known], is_told: bool) -> List[Entry]:
        """Remember a file that is open; return an entry for it when it was written to and nobody has said so."""
        stamp = self._stamp(path)
        is_new = known is not None and known.stamp != stamp and not is_told
        self._known[path] = _Known(stamp, is_told or is_new or (known is not None and known.is_owed))
        return [{"path": path, "external": False, "open": True}] if is_new else []

    def _stamp(self, path: str) -> Sequence[int]:
        """Return what changes when a file is written to; nothing when there is no such file."""
        try:
            status = os.lstat(str(self._project / path))
        except OSError:
            return ()
        return (status.st_ino, status.st_size, status.st_mtime_ns)


def followed(folder: Path) -> Dict[int, str]:
    """Return the processes whose files are noted in a log in a folder, each with the path of that log."""
    wanted, logs = os.fsencode("{}=".format(LOG_VARIABLE)), SharedFolder(folder)
    found: Dict[int, str] = {}
    for name in _entries(_PROCESSES):
        if not name.isdigit():
            continue
        for variable in _environment(os.path.join(_PROCESSES, name)).split(b"\0"):
            log = os.fsdecode(variable[len(wanted) :]) if variable.startswith(wanted) else None
            if logs.name_of(log) is not None:
                found[int(name)] = str(log)
    return found


def _environment(process: str) -> bytes:
    """Return the environment of a process. One that is just beginning a program has none for a moment."""
    for _ in range(_LOOKS):
        try:
            with open(os.path.join(process, "environ"), "rb") as stream:
                variables = stream.read()
            if variables:
                return variables
            # The system's own, and programs that are over, have none ever: here they end it.
            os.readlink(os.path.join(process, "exe"))
        except OSError:
            break
        time.sleep(_LOOK_AGAIN)
    return b""


def open_for_writing(processes: Iterable[int], project: Path) -> FrozenSet[str]:
    """Return the paths of the project's files that some of these processes may still write to."""
    root = os.path.realpath(str(project)) + os.sep
    return frozenset(path for process in processes for path in _iter_open(process, root))


def _iter_open(process: int, root: str) -> Iterator[str]:
    folder = os.path.join(_PROCESSES, str(process), "fd")
    for name in _entries(folder):
        link = os.path.join(folder, name)
        try:
            if not os.lstat(link).st_mode & stat.S_IWUSR:
                continue
            target = os.readlink(link)
            if not target.startswith(root) or not _is_file(os.stat(link)):
                continue
        except OSError:
            continue
        path = target[len(root) :]
        if not _NEVER.intersection(path.split(os.sep)):
            yield path


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 0


def _entries(folder: str) -> Iterable[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return ()
