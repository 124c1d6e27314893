"""Writing files so that they survive a crash or a power cut whole: the old content or the new, never half."""

import ctypes
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step; on return the new content is on disk."""
    write_chunks(path, (data,), mode=mode)


def write_chunks(path: Path, chunks: Iterable[bytes], *, mode: int = 0o600) -> None:
    """Replace a file in one step by what comes in pieces; if they break off, the file stays as it was."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as stream:
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Return once the folder's list of names is on disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(path: Path) -> None:
    """Return once everything written so far to the file system that holds `path` is on disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if _syncfs is None or _syncfs(fd) != 0:
            os.sync()
    finally:
        os.close(fd)


def _find_syncfs() -> Callable[[int], int] | None:
    """Return Linux's call for one file system, which need not wait for other disks."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    return lambda fd: int(call(fd))


_syncfs = _find_syncfs()
