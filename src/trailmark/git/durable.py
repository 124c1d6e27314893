"""Making git's objects survive a power cut with one flush per action instead of one per object.

The method is that of git's ``core.fsyncMethod=batch``: start the write-back of every file, wait for it, then
fsync the newest of them, which commits the file system's journal for all. Where the kernel lacks
``sync_file_range`` every file is fsynced by itself.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_START = 2
_WAIT = 1 | 2 | 4
_OPEN_AT_ONCE = 200


def _load() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return lambda fd, flags: int(function(fd, 0, 0, flags))


_sync_file_range = _load()


def sync_files(paths: Iterable[Path | str]) -> None:
    """Return once the files that exist among `paths` are on disk.

    The last one must have been made after the others and not be synced yet: an fsync of a file that the disk
    has already would not wait for the others.
    """
    wanted = list(paths)
    for start in range(0, len(wanted), _OPEN_AT_ONCE):
        _write_back(wanted[start : start + _OPEN_AT_ONCE])
    if wanted:
        _fsync(wanted[-1])


def _write_back(paths: list[Path | str]) -> None:
    handles: list[int] = []
    try:
        handles.extend(fd for fd in map(_open, paths) if fd is not None)
        for flags in (_START, _WAIT):
            for fd in handles:
                if _sync_file_range is None or _sync_file_range(fd, flags) != 0:
                    os.fsync(fd)
    finally:
        for fd in handles:
            os.close(fd)


def _fsync(path: Path | str) -> None:
    fd = _open(path)
    if fd is None:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _open(path: Path | str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
