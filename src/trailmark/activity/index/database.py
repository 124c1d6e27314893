"""Opening the index's file: made when it is missing, made anew when it is another version's or damaged."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trailmark.errors import Busy, TrailmarkError, Unavailable

SCHEMA_VERSION = 2
_APPLICATION = 0x54524D4B
_WAIT_SECONDS = 60.0
_SMALL_CACHE_KIB, _LARGE_CACHE_KIB = 32 << 10, 128 << 10
_USUAL_CHECKPOINT, _RARE_CHECKPOINT = 1000, 32_000
_SCHEMA = """
CREATE TABLE records (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, status TEXT NOT NULL, tool TEXT,
    notebook TEXT, person TEXT NOT NULL, actor TEXT NOT NULL, session TEXT, started REAL NOT NULL, claims TEXT
);
CREATE INDEX records_kind ON records (kind);
CREATE INDEX records_status ON records (status);
CREATE INDEX records_tool ON records (tool);
CREATE INDEX records_notebook ON records (notebook);
CREATE INDEX records_person ON records (person);
CREATE INDEX records_session ON records (session);
CREATE INDEX records_claims ON records (claims) WHERE claims IS NOT NULL;
CREATE TABLE texts (
    place INTEGER PRIMARY KEY, facts BLOB NOT NULL, commit_id TEXT, tree TEXT, device TEXT,
    code TEXT, text TEXT, error TEXT
);
CREATE VIRTUAL TABLE search USING fts5 (
    title, code, text, error, notes, content = '', columnsize = 0, prefix = '2 3',
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO search (search, rank) VALUES ('hashsize', 16777216);
CREATE TABLE paths (path_id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE files (
    path_id INTEGER NOT NULL, place INTEGER NOT NULL, mode TEXT NOT NULL, digest TEXT, external INTEGER NOT NULL,
    PRIMARY KEY (path_id, place, mode)
) WITHOUT ROWID;
CREATE INDEX files_place ON files (place, path_id);
CREATE INDEX files_digest ON files (digest) WHERE digest IS NOT NULL;
CREATE TABLE notes (about TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (about, place)) WITHOUT ROWID;
CREATE TABLE chains (ref TEXT PRIMARY KEY, tip TEXT NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE commits (
    oid BLOB PRIMARY KEY, line INTEGER NOT NULL, step INTEGER NOT NULL, place INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX commits_place ON commits (place, line, step);
CREATE INDEX commits_line ON commits (line, step);
CREATE TABLE joins (line INTEGER NOT NULL, step INTEGER NOT NULL, other INTEGER NOT NULL, upto INTEGER NOT NULL);
CREATE INDEX joins_line ON joins (line);
CREATE TABLE branches (
    name TEXT PRIMARY KEY, tip TEXT NOT NULL, line INTEGER NOT NULL, step INTEGER NOT NULL
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the index; an unusable one is replaced by an empty one. Raises Busy or Unavailable."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _open_usable(path)
    except _Unusable:
        with _alone(path):
            return _open_or_replace(path)
    except sqlite3.Error as error:
        raise translated(error) from error


@contextmanager
def in_bulk(database: sqlite3.Connection) -> Iterator[None]:
    """Write much: pages are kept longer, and are brought from the log to the file less often."""
    database.execute(f"PRAGMA cache_size = -{_LARGE_CACHE_KIB}")
    database.execute(f"PRAGMA wal_autocheckpoint = {_RARE_CHECKPOINT}")
    try:
        yield
    finally:
        database.execute(f"PRAGMA cache_size = -{_SMALL_CACHE_KIB}")
        database.execute(f"PRAGMA wal_autocheckpoint = {_USUAL_CHECKPOINT}")


def translated(error: sqlite3.Error) -> TrailmarkError:
    """Return the error to raise for one of SQLite's that is no damage."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy("Another process has been writing to the index for a minute. Nothing is lost; try again.")
    return Unavailable(
        f"The index of the trail cannot be used ({error}). The trail itself is intact. "
        "Make sure that there is free space and that Trailmark's home can be written, and try again."
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is no sound database (and not, say, that it is busy)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def discard(path: Path) -> None:
    """Remove an index that turned out to be damaged. Whoever has it open learns of it at the next refresh."""
    with _alone(path):
        _remove(path)


class _Unusable(Exception):
    """There is no index, or none that this version can read."""


def _open_or_replace(path: Path) -> sqlite3.Connection:
    """Open what another process may have made usable meanwhile; else begin anew."""
    try:
        return _open_usable(path)
    except _Unusable:
        _remove(path)
    database = _connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    except BaseException:
        database.close()
        raise
    return database


def _open_usable(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise _Unusable
    try:
        database = _connect(path)
        found = [
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
        ]
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise _Unusable from error
        raise
    if found != [SCHEMA_VERSION, _APPLICATION]:
        database.close()
        raise _Unusable
    return database


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        for pragma in (
            "synchronous = NORMAL",
            "temp_store = MEMORY",
            f"cache_size = -{_SMALL_CACHE_KIB}",
        ):
            database.execute(f"PRAGMA {pragma}")
    except BaseException:
        database.close()
        raise
    return database


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the only process that replaces the index."""
    fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
