"""A file that is locked for as long as somebody lives: no crash or restart of the machine can leave that behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_TAKE_SECONDS = 0.5


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock of a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def take(fd: int) -> bool:
    """Take the lock of an open file. One who only looks holds it for an instant, so a refusal is tried again."""
    deadline = time.monotonic() + _TAKE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


@contextlib.contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock of a file, which is made in its folder; gives False where somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield take(fd)
    finally:
        os.close(fd)
