"""SHA-256 digests of files, remembered for as long as a file looks untouched.

A file counts as untouched while its inode, size, time of modification and time of change are the same. A file
that was modified within the file system's granularity of now is read again next time: it could change once
more without its times telling.
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

_CHUNK = 1 << 20
_GRANULARITY_NS = 50_000_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digests (
    path BLOB PRIMARY KEY, device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER,
    sha256 TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class FileDigest:
    """A file's SHA-256 in hexadecimal digits, and its size in bytes."""

    sha256: str
    bytes: int


class DigestCache:
    """Digests by path. What is remembered is derived: losing the cache costs reading files again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def digest_of(self, path: Path) -> FileDigest:
        """Return the digest of a regular file; a link is followed. Raises OSError when it cannot be read."""
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(f"{path} is no regular file")
        known = self._find(path, status)
        if known is not None:
            return FileDigest(known, status.st_size)
        return self._read(path)

    def close(self) -> None:
        """Let go of the file in which digests are kept."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, path: Path) -> FileDigest:
        digest, size = hashlib.sha256(), 0
        with path.open("rb", buffering=0) as stream:
            before = os.fstat(stream.fileno())
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
            after = os.fstat(stream.fileno())
        found = FileDigest(digest.hexdigest(), size)
        is_settled = time.time_ns() - after.st_mtime_ns > _GRANULARITY_NS
        if _look(before) == _look(after) and is_settled:
            self._remember(path, after, found.sha256)
        return found

    def _find(self, path: Path, status: os.stat_result) -> str | None:
        with contextlib.suppress(sqlite3.Error):
            row = (
                self._open()
                .execute(
                    "SELECT sha256 FROM digests WHERE path = ? AND device = ? AND inode = ? AND size = ?"
                    " AND modified = ? AND changed = ?",
                    (os.fsencode(path), *_look(status)),
                )
                .fetchone()
            )
            return str(row[0]) if row else None
        return None

    def _remember(self, path: Path, status: os.stat_result, sha256: str) -> None:
        with contextlib.suppress(sqlite3.Error), self._open() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)",
                (os.fsencode(path), *_look(status), sha256),
            )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError:
                self._path.unlink(missing_ok=True)
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=5, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_SCHEMA)
        return connection


def _look(status: os.stat_result) -> tuple[int, int, int, int, int]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
