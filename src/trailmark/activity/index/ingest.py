"""Taking the records of each device's chain into the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from operator import itemgetter
from typing import cast

from trailmark.activity.index.row import MISSING
from trailmark.activity.index.search import name_of
from trailmark.activity.model import Kind, Record, RecordId, Status
from trailmark.activity.store import LogEntry, StoredRecord, iter_chain, load_tree, trailers_of
from trailmark.errors import Damaged, NotFound
from trailmark.git import Commit, Oid, Repository

EXCERPT = 4000
_SEARCHED = 256 * 1024
_MICROSECONDS = 1_000_000
_SEARCH_COLUMNS = "(rowid, title, code, text, error, notes)"


def new_entries(
    repository: Repository, tip: Oid, known: Oid | None, *, at_most: int | None = None
) -> tuple[list[LogEntry], bool]:
    """Return the entries of a chain behind `known`, oldest first, and whether the chain does lead there.

    A damaged chain is followed as far as it can be read. `at_most`: no more than so many, the newest.
    """
    entries: list[LogEntry] = []
    try:
        for commit, entry in iter_chain(repository, tip):
            if commit.oid == known:
                return entries[::-1], True
            if entry is not None:
                entries.append(entry)
            if len(entries) == at_most:
                break
    except (Damaged, NotFound):
        return entries[::-1], True
    return entries[::-1], known is None


class Ingest:
    """Writes records into the index, within the caller's transaction."""

    def __init__(self, database: sqlite3.Connection, repository: Repository) -> None:
        self._database = database
        self._repository = repository
        self._paths: dict[str, int] = {}
        self._files: list[tuple[int, int, str, str | None, bool]] = []
        self._claimed = {
            row[0] for row in database.execute("SELECT claims FROM records WHERE claims IS NOT NULL")
        }
        self._noted = {row[0] for row in database.execute("SELECT DISTINCT about FROM notes")}

    def take(self, entries: Iterable[LogEntry], ref: str, place: int) -> int:
        """Take entries in, the first of which comes behind `place`; return the place of the last."""
        device = ref.rpartition("/")[2]
        for entry in entries:
            known = self.place_of(entry.record)
            if known is not None:
                self._move(known, entry)
                continue
            stored = self._read(entry)
            place = max(place + 1, place_of_time(stored.record.started + stored.record.seconds))
            place = self._add(place, stored, entry.commit, device)
        self._add_files()
        return place

    def place_of(self, record: str) -> int | None:
        """Return the place of a record that is in the index, None for any other."""
        row = self._database.execute("SELECT place FROM records WHERE id = ?", (record,)).fetchone()
        return None if row is None else int(row[0])

    def take_plain(self, commit: Commit, kind: str, behind: int) -> int:
        """Take in a commit that has no record here, as a row of its own behind a place; return its place."""
        subject, _, body = commit.message.partition("\n")
        facts = Record(
            id=RecordId(commit.oid),
            kind=cast("Kind", kind),
            title=subject.strip() or commit.oid[:10],
            status="ok",
            started=float(commit.time),
            seconds=0.0,
            author=commit.author,
        )
        claims = trailers_of(commit.message).get("record") if kind == MISSING else None
        text = body.strip() if kind != MISSING else None
        stored = StoredRecord(facts, Oid(""), None, text, None)
        return self._add(max(behind + 1, place_of_time(facts.started)), stored, commit.oid, None, claims)

    def _read(self, entry: LogEntry) -> StoredRecord:
        """Return the record of an entry; what can be said of it when it cannot be read."""
        try:
            return load_tree(self._repository, entry.tree)
        except (Damaged, NotFound):
            commit = self._repository.commit(entry.oid)
            facts = trailers_of(commit.message)
            record = Record(
                id=entry.record,
                kind=cast("Kind", facts.get("kind", "run")),
                title=commit.message.partition("\n")[0],
                status=cast("Status", facts.get("status", "ok")),
                started=float(commit.time),
                seconds=0.0,
                author=commit.author,
                actor=facts.get("actor", "person"),
                detail={"damaged": True},
            )
            return StoredRecord(record, entry.tree, None, None, None)

    def _move(self, place: int, entry: LogEntry) -> None:
        """Note that a record's commit was made again, on top of where its branch had moved."""
        self._database.execute("UPDATE texts SET commit_id = ? WHERE place = ?", (entry.commit, place))

    def _add(
        self, place: int, stored: StoredRecord, commit: str, device: str | None, claims: str | None = None
    ) -> int:
        """Add a row at a place, or at the next free one behind it; return its place."""
        record, execute = stored.record, self._database.execute
        place = self._add_columns(place, record, claims)
        if record.id in self._claimed:
            self._replace_missing(record.id, place)
        excerpts = (_cut(stored.code), _cut(stored.text), (stored.error or "")[-EXCERPT:] or None)
        execute(
            "INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place,
                stored.json or record.to_json(),
                commit,
                stored.tree or None,
                device,
                *map(_clean, excerpts),
            ),
        )
        notes = self._notes_about(record.id) if record.id in self._noted else ""
        execute(
            f"INSERT INTO search {_SEARCH_COLUMNS} VALUES (?, ?, ?, ?, ?, ?)",
            (place, *searched(stored), notes),
        )
        self._note_files(place, record)
        about = record.detail.get("about") if record.kind == "note" else None
        if isinstance(about, str):
            self._add_note(place, about, stored)
        return place

    def _add_columns(self, place: int, record: Record, claims: str | None) -> int:
        columns = (record.kind, record.status, record.tool, _notebook_of(record), name_of(record.author))
        values = (record.id, *columns, record.actor, record.session, record.started, claims)
        while True:
            try:
                self._database.execute(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (place, *map(_clean, values)),
                )
            except sqlite3.IntegrityError:
                if self.place_of(record.id) is not None:
                    raise
                place += 1
            else:
                return place

    def _replace_missing(self, record: str, place: int) -> None:
        """Let a record that has come take the place of the rows that said that it was missing."""
        execute = self._database.execute
        for old, title in execute(
            "SELECT place, facts ->> '$.title' FROM records JOIN texts USING (place) WHERE claims = ?",
            (record,),
        ).fetchall():
            execute(
                f"INSERT INTO search (search, {_SEARCH_COLUMNS[1:]} VALUES ('delete', ?, ?, '', '', '', '')",
                (old, title),
            )
            execute("DELETE FROM records WHERE place = ?", (old,))
            execute("DELETE FROM texts WHERE place = ?", (old,))
            execute("UPDATE commits SET place = ? WHERE place = ?", (place, old))

    def _note_files(self, place: int, record: Record) -> None:
        """Remember the files of a record until `_add_files`."""
        refs = [
            (file.path, mode, file.digest, file.external)
            for mode, files in (("r", record.reads), ("w", record.writes))
            for file in files
        ]
        refs += [(path, "d", None, False) for path in record.deletes]
        if record.source:
            refs.append((record.source.partition("#")[0], "s", None, False))
        self._files += [
            (self._path_id(path), place, mode, digest, external) for path, mode, digest, external in refs
        ]

    def _add_files(self) -> None:
        """Add the files that were noted, in the order of the table: its pages are then written once."""
        self._files.sort(key=itemgetter(0))
        self._database.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", self._files)
        self._files.clear()

    def _path_id(self, path: str) -> int:
        path = str(_clean(path))
        if path not in self._paths:
            self._database.execute("INSERT OR IGNORE INTO paths (path) VALUES (?)", (path,))
            found = self._database.execute("SELECT path_id FROM paths WHERE path = ?", (path,)).fetchone()
            self._paths[path] = int(found[0])
        return self._paths[path]

    def _notes_about(self, record: str) -> str:
        notes = self._database.execute(
            "SELECT texts.text FROM notes JOIN texts USING (place) WHERE about = ? ORDER BY place", (record,)
        )
        return "\n".join(text or "" for (text,) in notes)

    def _add_note(self, place: int, about: str, stored: StoredRecord) -> None:
        """Note that a note is about a record, which is found by the note's words from now on."""
        row = self._database.execute(
            "SELECT records.place, tree FROM records JOIN texts USING (place) WHERE id = ?", (about,)
        ).fetchone()
        before = self._notes_about(about)
        self._noted.add(about)
        self._database.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (about, place))
        if row is None:
            return
        try:
            texts = searched(load_tree(self._repository, Oid(row[1])))
        except (Damaged, NotFound):
            return
        self._database.execute(
            f"INSERT INTO search (search, {_SEARCH_COLUMNS[1:]} VALUES ('delete', ?, ?, ?, ?, ?, ?)",
            (row[0], *texts, before),
        )
        self._database.execute(
            f"INSERT INTO search {_SEARCH_COLUMNS} VALUES (?, ?, ?, ?, ?, ?)",
            (row[0], *texts, self._notes_about(about)),
        )


def place_of_time(time: float) -> int:
    """Return the place in the feed that belongs to a moment."""
    return int(time * _MICROSECONDS)


def searched(stored: StoredRecord) -> tuple[str, ...]:
    """Return what full-text search finds a record by: title, code, text, error."""
    texts = (stored.record.title, stored.code, stored.text, stored.error)
    return tuple(str(_clean((text or "")[:_SEARCHED])) for text in texts)


def _notebook_of(record: Record) -> str | None:
    path = (record.source or "").partition("#")[0]
    if path.endswith(".ipynb"):
        return path
    chosen = record.detail.get("notebook")
    return chosen if isinstance(chosen, str) else None


def _cut(text: str | None) -> str | None:
    return text[:EXCERPT] if text else None


def _clean(value: object) -> object:
    """Return a text as SQLite takes it; anything else as it is."""
    return (
        value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
    )
