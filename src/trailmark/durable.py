"""Writing files so that they survive a crash or a power cut whole: the old content or the new, never half."""

import contextlib
import ctypes
import errno
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_IN_THE_WAY = frozenset((errno.ELOOP, errno.ENOTDIR, errno.EACCES))


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


def write_below(root: Path, path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file below a folder that others write to, durably and in one step; no link is followed.

    What stands in the way is set aside under another name: a link or a locked folder above it, a folder in its place.
    """
    *folders, name = path.split("/")
    if any(part in ("", ".", "..") for part in (*folders, name)):
        raise ValueError(f"{path!r} is no path below a folder")
    handle = os.open(root, _FOLDER)
    try:
        for part in folders:
            below = _enter(handle, part)
            os.close(handle)
            handle = below
        _replace_in(handle, name, data, mode)
    finally:
        os.close(handle)


def _enter(handle: int, name: str) -> int:
    """Return a handle on a folder in another, made when there is none that can be entered."""
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        _set_aside(handle, name)
    os.mkdir(name, 0o700, dir_fd=handle)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)


def _replace_in(handle: int, name: str, data: bytes, mode: int) -> None:
    temporary = f".{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode, dir_fd=handle)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
        except IsADirectoryError:
            _set_aside(handle, name)
            os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=handle)
        raise
    os.fsync(handle)


def _set_aside(handle: int, name: str) -> None:
    os.rename(name, f"{name[:200]}.{secrets.token_hex(8)}", src_dir_fd=handle, dst_dir_fd=handle)


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
