"""SHA-256 of files, computed once for each content: a cache by path, inode, times and size.

What a file held a moment ago says little: two writes within one tick of the clock leave the same times. So a
digest is remembered only of a file that had been left alone for a while when it was read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import time
from dataclasses import dataclass
from pathlib import Path

_SETTLED_NS = 2_500_000_000
_BLOCK = 1 << 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digests (
    path BLOB PRIMARY KEY, device INTEGER, inode INTEGER, mtime INTEGER, ctime INTEGER, size INTEGER, sha256 BLOB
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class FileDigest:
    """The SHA-256 of a file's content in hexadecimal, and its length."""

    sha256: str
    bytes: int


class DigestCache:
    """Digests of files, remembered in an SQLite file that may vanish at any time. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def digest_of(self, path: Path, *, within: Path | None = None) -> FileDigest:
        """Return the digest of a regular file. Raises OSError when it cannot be read or is none.

        With `within`, a file that symbolic links lead to outside of that folder is refused.
        """
        if within is not None:
            path = _inside(path, within)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if within is not None:
                _require_inside(fd, path, within)
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise OSError(f"{path} is no regular file")
            known = self._find(path, before)
            if known is not None:
                return known
            now = time.time_ns()
            found = _hash(fd)
            if _facts(before) == _facts(os.fstat(fd)) and _is_settled(before, now):
                self._remember(path, before, found)
            return found
        finally:
            os.close(fd)

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _find(self, path: Path, status: os.stat_result) -> FileDigest | None:
        try:
            row = (
                self._open()
                .execute(
                    "SELECT sha256 FROM digests WHERE path = ? AND device = ? AND inode = ? AND mtime = ? "
                    "AND ctime = ? AND size = ?",
                    (os.fsencode(path), *_facts(status)),
                )
                .fetchone()
            )
        except sqlite3.Error:
            self._begin_anew()
            return None
        return FileDigest(bytes(row[0]).hex(), status.st_size) if row else None

    def _remember(self, path: Path, status: os.stat_result, found: FileDigest) -> None:
        values = (os.fsencode(path), *_facts(status), bytes.fromhex(found.sha256))
        try:
            self._open().execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error:
            self._begin_anew()

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_SCHEMA)
        return self._database

    def _begin_anew(self) -> None:
        """Drop a cache that cannot be used; a busy one is only left alone for now."""
        broken, self._database = self._database, None
        if broken is None:
            return
        is_damaged = _is_damaged(broken)
        broken.close()
        if is_damaged:
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    self._path.with_name(self._path.name + end).unlink(missing_ok=True)


def _is_damaged(database: sqlite3.Connection) -> bool:
    try:
        return bool(database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def _hash(fd: int) -> FileDigest:
    digest, size = hashlib.sha256(), 0
    while block := os.read(fd, _BLOCK):
        digest.update(block)
        size += len(block)
    return FileDigest(digest.hexdigest(), size)


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def _is_settled(status: os.stat_result, now: int) -> bool:
    """Return whether the file had been left alone for longer than any file system's clock ticks."""
    return max(status.st_mtime_ns, status.st_ctime_ns) < now - _SETTLED_NS


def _inside(path: Path, folder: Path) -> Path:
    real = path.resolve(strict=True)
    if not real.is_relative_to(folder.resolve()):
        raise OSError(f"{path} leads outside of {folder}")
    return real


def _require_inside(fd: int, path: Path, folder: Path) -> None:
    """Raise OSError when a file that is open lies elsewhere: what leads there may have been swapped meanwhile."""
    try:
        real = Path(os.readlink(f"/proc/self/fd/{fd}"))
    except OSError:
        return
    if not real.is_relative_to(folder.resolve()):
        raise OSError(f"{path} leads outside of {folder}")
