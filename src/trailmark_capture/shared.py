"""A folder that others may write to, such as the programs of a session in a container: its files by name alone.

What lies there may be anything. No link is followed and nothing waits: a file is opened relative to a handle on its
folder, and only a regular one. Nothing outside of the folder is read, written or removed, whatever it holds.

Standard library only, Python 3.8 or later.
"""

import contextlib
import errno
import json
import logging
import os
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, Optional

MOST_BYTES = 1 << 30
"""A larger file than this is none that capture writes."""

_NOTE_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNUSABLE = frozenset((errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EACCES, errno.EISDIR, errno.ENODEV))
_log = logging.getLogger("trailmark.capture")


class Unusable(OSError):
    """What has the name is nothing that capture writes there: a link, a pipe, a folder, far too large, locked up."""


@dataclass(frozen=True)
class SharedFolder:
    """The folder at `root`, which is where it was put, or one below it, which may be anything."""

    root: Path
    below: Optional[str] = None

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.root.name if self.below is None else self.below

    def folder(self, name: str) -> "SharedFolder":
        """Return a folder in this one, whether or not there is one."""
        return SharedFolder(self.root, _checked(name))

    def names(self, suffix: str = "") -> List[str]:
        """Return the names of what is in the folder and ends so, in order; none where there is no such folder.

        Raises OSError when the system cannot say.
        """
        with contextlib.suppress(FileNotFoundError, Unusable), self._handle() as handle:
            return sorted(name for name in os.listdir(handle) if name.endswith(suffix))
        return []

    def files(self, suffix: str = "") -> List[str]:
        """Return the names of the regular files in the folder that end so, in order. Raises OSError."""
        with contextlib.suppress(FileNotFoundError, Unusable), self._handle() as handle:
            return sorted(name for name in _regular(handle) if name.endswith(suffix))
        return []

    def open(self, name: str) -> BinaryIO:
        """Open a regular file of at most MOST_BYTES for reading. Raises Unusable for anything else, and OSError."""
        with self._handle() as handle, _telling():
            return _opened(os.open(_checked(name), _READ, dir_fd=handle), name)

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return what a file holds. Raises Unusable, also when that is more than `most` bytes, and OSError."""
        with self.open(name) as stream:
            data = stream.read(most + 1)
        if len(data) > most:
            raise Unusable(errno.EFBIG, "Too large", name)
        return data

    def note(self, name: str) -> Dict[str, Any]:
        """Return the JSON object that a small file holds; an empty one when it holds none."""
        with contextlib.suppress(OSError, ValueError, RecursionError), self.open(name) as stream:
            stored = json.loads(stream.read(_NOTE_BYTES).decode("utf-8"))
            if isinstance(stored, dict):
                return stored
        return {}

    def status(self, name: str) -> Optional[os.stat_result]:
        """Return what the system says of a regular file, None where there is none."""
        with contextlib.suppress(OSError), self._handle() as handle:
            status = os.stat(_checked(name), dir_fd=handle, follow_symlinks=False)
            return status if stat.S_ISREG(status.st_mode) else None
        return None

    def modified(self, name: str) -> float:
        """Return when a file was last written to; 0 where there is none."""
        status = self.status(name)
        return status.st_mtime if status is not None else 0.0

    def age(self) -> float:
        """Return how long ago the folder was last changed; 0 where there is none."""
        with contextlib.suppress(OSError), self._handle() as handle:
            return time.time() - os.fstat(handle).st_mtime
        return 0.0

    def append(self, name: str, data: bytes) -> None:
        """Add to a file, which is made when needed. Raises OSError."""
        with self._handle() as handle:
            descriptor = os.open(_checked(name), _WRITE | os.O_APPEND, 0o600, dir_fd=handle)
        try:
            _require_file(descriptor, name)
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def open_lock(self, name: str) -> int:
        """Return a descriptor of a file that stands for a lock, made when needed. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._clear_way(name)
        with self._handle() as handle:
            try:
                return os.open(_checked(name), flags, 0o600, dir_fd=handle)
            except PermissionError:
                os.unlink(name, dir_fd=handle)
                return os.open(name, flags, 0o600, dir_fd=handle)

    def replace(self, name: str, data: bytes) -> None:
        """Put a file in the place of whatever has its name, in one step. Raises OSError."""
        temporary = _checked(name) + ".new"
        with self._handle() as handle:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=handle)
            with os.fdopen(os.open(temporary, _NEW, 0o600, dir_fd=handle), "wb") as stream:
                stream.write(data)
            os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)

    def remove(self, *names: str) -> None:
        """Remove what has these names, of a link the link itself; it does not matter whether it is there."""
        with contextlib.suppress(OSError), self._handle() as handle:
            for name in names:
                with contextlib.suppress(OSError):
                    os.unlink(_checked(name), dir_fd=handle)

    def remove_folder(self, name: str) -> None:
        """Remove a folder in this one with all that is in it, however deep, of a link the link itself.

        What cannot be removed is left.
        """
        with contextlib.suppress(OSError), self.folder(name)._handle() as inside:
            while _flatten(inside):
                pass
        with contextlib.suppress(OSError), self._handle() as handle:
            try:
                os.rmdir(name, dir_fd=handle)
            except NotADirectoryError:
                os.unlink(name, dir_fd=handle)

    def _clear_way(self, name: str) -> None:
        """Remove what has a name and is no regular file."""
        if self.status(name) is None:
            self.remove(name)

    def refuse(self, name: str, why: object) -> None:
        """Say that something is skipped, and remove it: nothing that capture writes is like this."""
        if name not in self.names():
            return
        _log.warning("%s in %s was skipped and removed: %s", ascii(name), self.root, why)
        self.remove(name)

    def name_of(self, path: object) -> Optional[str]:
        """Return the name of the file that a note means by a path; None when that is not in this very folder."""
        if not isinstance(path, str):
            return None
        folder, _, name = path.rpartition("/")
        return name if folder == str(self._path) and is_plain(name) else None

    @property
    def _path(self) -> Path:
        return self.root if self.below is None else self.root / self.below

    @contextlib.contextmanager
    def _handle(self) -> Iterator[int]:
        handle = _root(str(self.root))
        try:
            if self.below is not None:
                with _telling():
                    inside = os.open(self.below, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inside
            yield handle
        finally:
            os.close(handle)


def _regular(handle: int) -> List[str]:
    """Return the names of the regular files in a folder."""
    with os.scandir(handle) as found:
        return [entry.name for entry in found if entry.is_file(follow_symlinks=False)]


def _flatten(handle: int) -> bool:
    """Remove the files in a folder, and put the folders in its folders in their place; False when nothing was done.

    Step by step, for a folder may be deeper than a program may call itself or hold files open.
    """
    done = [_remove_folder(handle, name) for name in _remove_files(handle)]
    return any(done)


def _remove_files(handle: int) -> List[str]:
    """Remove all in a folder that is no folder; return the names of the folders."""
    with os.scandir(handle) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if not is_folder:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=handle)
    return [name for name, is_folder in entries if is_folder]


def _remove_folder(handle: int, name: str) -> bool:
    try:
        inside = os.open(name, _FOLDER, dir_fd=handle)
    except OSError:
        return False
    is_done = False
    try:
        for below in _remove_files(inside):
            with contextlib.suppress(OSError):
                apart = "{}-{}".format(secrets.token_hex(8), os.getpid())
                os.rename(below, apart, src_dir_fd=inside, dst_dir_fd=handle)
                is_done = True
        os.rmdir(name, dir_fd=handle)
        return True
    except OSError:
        return is_done
    finally:
        os.close(inside)


def is_plain(name: str) -> bool:
    """Return whether a name is that of something in a folder, and leads nowhere else."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file of at most MOST_BYTES in a folder that is where it was put. Raises Unusable and OSError."""
    return SharedFolder(path.parent).open(path.name)


def _root(path: str) -> int:
    """Return a handle on a folder of our own; one that somebody has locked up is opened again."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        os.chmod(path, 0o700)
        return os.open(path, flags)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Raise Unusable in the place of an error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in _UNUSABLE:
            raise Unusable(error.errno, error.strerror, error.filename) from error
        raise


def _checked(name: str) -> str:
    if not is_plain(name):
        raise Unusable(errno.EINVAL, "No name of a file in a folder", name)
    return name


def _opened(descriptor: int, name: str) -> BinaryIO:
    try:
        if _require_file(descriptor, name).st_size > MOST_BYTES:
            raise Unusable(errno.EFBIG, "Too large", name)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_file(descriptor: int, name: str) -> os.stat_result:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Unusable(errno.EINVAL, "No regular file", name)
    return status
