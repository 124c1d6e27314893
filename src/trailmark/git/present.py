"""Looking at files of a work tree as they are now, never through a symbolic link and never outside the tree.

Every parent folder is opened relative to a handle on the one above it with `O_NOFOLLOW`, so that a program
that swaps a folder for a link while we look gains nothing.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from trailmark.git.model import EXECUTABLE, FILE, LINK, Oid

Reason = Literal["size", "repository", "name", "kind", "unreadable", "secret"]
"""Why git should not hold a file: it is too large, a repository of its own, has a name or is of a kind that
git cannot hold, cannot be read, or (so says who knows secrets) holds one."""

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"\.trailmark-[0-9a-f]{12}\.tmp")
_INVISIBLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


@dataclass(frozen=True)
class Found:
    """A file's whole content and its mode in git: FILE, EXECUTABLE or LINK (content: where it points)."""

    data: bytes
    mode: int


@dataclass(frozen=True)
class Seen:
    """A file that is there and that git can hold."""

    bytes: int
    mode: int


@dataclass(frozen=True)
class Folder:
    """A folder is there."""


@dataclass(frozen=True)
class HeldBack:
    """A file that is there and that git should not hold."""

    path: str
    bytes: int
    reason: Reason


def is_git_name(name: str) -> bool:
    """Return whether a file system may take this name for `.git`: in another case, with dots, as `git~1`."""
    plain = _INVISIBLE.sub("", name).casefold().split(":", maxsplit=1)[0].rstrip(". ")
    return plain in (".git", "git~1")


def is_plain_path(path: str) -> bool:
    """Return whether a path names a file below a root that git can hold: relative, nothing above, no `.git`."""
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") or is_git_name(part) for part in parts):
        return False
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def temporary_name(path: str) -> str:
    """Return the name, beside a file, under which its new content is written before it takes the place."""
    return f".trailmark-{hashlib.sha256(path.encode()).hexdigest()[:12]}.tmp"


def is_temporary(path: str) -> bool:
    """Return whether a path has a name that `temporary_name` gives."""
    return _TEMPORARY.fullmatch(path.rpartition("/")[2]) is not None


@contextmanager
def parent_of(root: Path, path: str) -> Iterator[int]:
    """Yield a handle on the folder that holds a path. Raises OSError when a part is missing or a link."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in path.split("/")[:-1]:
            below = os.open(part, _FOLDER_FLAGS, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def make_folders(root: Path, path: str) -> None:
    """Make a folder below the root, and those above it. Raises NotADirectoryError where another file lies."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        with parent_of(root, name) as folder:
            with contextlib.suppress(FileExistsError):
                os.mkdir(parts[depth - 1], dir_fd=folder)
            os.close(os.open(parts[depth - 1], _FOLDER_FLAGS, dir_fd=folder))


def is_in_nested_repository(root: Path, path: str) -> bool:
    """Return whether a folder between the root and the path is a repository of its own."""
    folders = path.split("/")[:-1]
    for depth in range(1, len(folders) + 1):
        inside = "/".join([*folders[:depth], ".git"])
        try:
            with parent_of(root, inside) as folder:
                os.stat(".git", dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        return True
    return False


def glance(root: Path, path: str, *, max_bytes: int | None = None) -> Seen | Folder | HeldBack | None:
    """Return what lies at a path without reading it, None for nothing."""
    if not is_plain_path(path):
        return HeldBack(path, 0, "name")
    name = path.rpartition("/")[2]
    try:
        with parent_of(root, path) as folder:
            return _judge(path, os.stat(name, dir_fd=folder, follow_symlinks=False), max_bytes)
    except OSError as error:
        return _unseen(path, error)


def touched(root: Path, path: str) -> float | None:
    """Return when the file at a path was last changed in any way, in seconds; None for nothing."""
    try:
        with parent_of(root, path) as folder:
            return os.stat(path.rpartition("/")[2], dir_fd=folder, follow_symlinks=False).st_ctime
    except (OSError, ValueError):
        return None


def read(root: Path, path: str, *, max_bytes: int | None = None) -> Found | Folder | HeldBack | None:
    """Return a file with its content, None for nothing."""
    if not is_plain_path(path):
        return HeldBack(path, 0, "name")
    name = path.rpartition("/")[2]
    try:
        with parent_of(root, path) as folder:
            seen = _judge(path, os.stat(name, dir_fd=folder, follow_symlinks=False), max_bytes)
            if not isinstance(seen, Seen):
                return seen
            if seen.mode == LINK:
                return Found(os.fsencode(os.readlink(name, dir_fd=folder)), LINK)
            with _open_file(name, folder) as stream:
                return _read(path, stream, max_bytes)
    except OSError as error:
        return _unseen(path, error)


def open_file(root: Path, path: str) -> BinaryIO:
    """Open whatever file lies at a path for reading; no link is followed. Raises OSError."""
    with parent_of(root, path) as folder:
        return _open_file(path.rpartition("/")[2], folder)


def blob_id(data: bytes) -> Oid:
    """Return the id that git gives to these bytes as a file."""
    return Oid(hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest())


def file_id(root: Path, path: str) -> Oid | None:
    """Return the id that git would give to the file at a path, of any size; None when it cannot be read."""
    name = path.rpartition("/")[2]
    try:
        with parent_of(root, path) as folder:
            if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return blob_id(os.fsencode(os.readlink(name, dir_fd=folder)))
            with _open_file(name, folder) as stream:
                return _stream_id(stream)
    except OSError:
        return None


def is_within(path: str, folders: Container[str]) -> bool:
    """Return whether a path or a folder above it is among some paths."""
    parts = path.split("/")
    return any("/".join(parts[:depth]) in folders for depth in range(1, len(parts) + 1))


def _open_file(name: str, folder: int) -> BinaryIO:
    return os.fdopen(os.open(name, _FILE_FLAGS, dir_fd=folder), "rb")


def _read(path: str, stream: BinaryIO, max_bytes: int | None) -> Found | Folder | HeldBack:
    seen = _judge(path, os.fstat(stream.fileno()), max_bytes)
    if not isinstance(seen, Seen):
        return seen
    data = stream.read(-1 if max_bytes is None else max_bytes + 1)
    if max_bytes is not None and len(data) > max_bytes:
        return HeldBack(path, os.fstat(stream.fileno()).st_size, "size")
    return Found(data, seen.mode)


def _stream_id(stream: BinaryIO) -> Oid | None:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    digest = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return Oid(digest.hexdigest())


def _unseen(path: str, error: OSError) -> HeldBack | None:
    return None if error.errno in _ABSENT else HeldBack(path, 0, "unreadable")


def _judge(path: str, status: os.stat_result, max_bytes: int | None) -> Seen | Folder | HeldBack:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return Folder()
    if stat.S_ISLNK(mode):
        return Seen(status.st_size, LINK)
    if not stat.S_ISREG(mode):
        return HeldBack(path, 0, "kind")
    if max_bytes is not None and status.st_size > max_bytes:
        return HeldBack(path, status.st_size, "size")
    return Seen(status.st_size, EXECUTABLE if mode & stat.S_IXUSR else FILE)
