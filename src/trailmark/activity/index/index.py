"""The index itself: brought up to date from git, and asked."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from trailmark.activity.index import database as files
from trailmark.activity.index.branches import Branches, branch_condition, reach
from trailmark.activity.index.ingest import Ingest, new_entries
from trailmark.activity.index.row import Row
from trailmark.activity.index.search import Condition, conditions, match_expression, path_condition
from trailmark.activity.model import Record
from trailmark.activity.query import Filter
from trailmark.activity.store import LogEntry
from trailmark.activity.trail import RECORDS
from trailmark.errors import Damaged, InvalidInput, NotFound
from trailmark.git import BRANCHES, Oid, Repository

_T = TypeVar("_T")
_CHUNK = 10_000
_FEW_FILES = 5000
_SHOWN_CANDIDATES = 5
_HEX = re.compile(r"[0-9a-f]{4,40}")
_ROW = """
    SELECT records.place, facts, commit_id, tree, device, texts.code, texts.text, texts.error,
    (SELECT count(*) FROM notes WHERE notes.about = records.id)
    FROM records JOIN texts ON texts.place = records.place
"""
NO_FILTER = Filter()


@dataclass(frozen=True)
class Facets:
    """What there is to choose from, with how many records each has (branches: commits)."""

    kinds: Mapping[str, int]
    tools: Mapping[str, int]
    notebooks: Mapping[str, int]
    persons: Mapping[str, int]
    branches: Mapping[str, int]


class _Unsound(Exception):
    """The index does not say what git says; it must be made anew."""


class Index:
    """An index that is open. Not shared between threads; processes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._repository: Repository | None = None
        self._newest: int | None = None
        self._database = files.connect(path)
        self._inode = _inode(path)

    @classmethod
    def open(cls, path: Path) -> Index:
        """Open the index at `path`; it is made when there is none that can be used."""
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- bringing up to date ------------------------------------------------------------------------------

    def refresh(self, repository: Repository, *, newest: int | None = None) -> int:
        """Take in what git has and the index has not; return how many entries and commits were new.

        With `newest`, for an index that is no more than a window on the trail, only so many of each at a time.
        """
        self._repository, self._newest = repository, newest
        return self._sound(self._refresh)

    def is_far_behind(self, repository: Repository, number: int) -> bool:
        """Return whether at least so many entries or commits are to be taken in."""
        return self._sound(lambda: self._is_far_behind(repository, number))

    def _is_far_behind(self, repository: Repository, number: int) -> bool:
        for ref, tip in repository.refs(RECORDS).items():
            if len(new_entries(repository, tip, self._state_of(ref)[0], at_most=number)[0]) >= number:
                return True
        branches = Branches(self._database, repository, newest=number)
        return any(branches.lacks(tip) >= number for tip in _tips(repository).values())

    def _refresh(self) -> int:
        assert self._repository is not None
        repository = self._repository
        if _inode(self._path) != self._inode:
            self._reopen()
        chains = repository.refs(RECORDS)
        if self._is_up_to_date(chains, _tips(repository)):
            return 0
        with files.in_bulk(self._database):
            new = sum(self._take_chain(repository, ref) for ref in chains)
            with self._writing():
                branches = Branches(self._database, repository, newest=self._newest)
                return new + branches.bring_to(_tips(repository))

    def _is_up_to_date(self, chains: Mapping[str, Oid], tips: Mapping[str, Oid]) -> bool:
        known = dict(self._database.execute("SELECT ref, tip FROM chains").fetchall())
        if known.keys() - chains.keys():
            raise _Unsound
        branches = dict(self._database.execute("SELECT name, tip FROM branches").fetchall())
        return known == dict(chains) and branches == dict(tips)

    def _take_chain(self, repository: Repository, ref: str) -> int:
        """Take in one device's new entries, a few thousand at a time."""
        taken, behind, waiting = 0, "", list[LogEntry]()
        while True:
            with self._writing():
                tip = repository.find_ref(ref)
                known, place = self._state_of(ref)
                if tip is None or known == tip:
                    return taken
                if not waiting or known != behind:
                    waiting, is_continued = new_entries(repository, tip, known, at_most=self._newest)
                    if not is_continued:
                        raise _Unsound
                now, waiting = waiting[:_CHUNK], waiting[_CHUNK:]
                place = Ingest(self._database, repository).take(now, ref, place)
                behind = now[-1].oid if waiting else tip
                self._database.execute("INSERT OR REPLACE INTO chains VALUES (?, ?, ?)", (ref, behind, place))
            taken += len(now)

    def _state_of(self, ref: str) -> tuple[Oid | None, int]:
        row = self._database.execute("SELECT tip, place FROM chains WHERE ref = ?", (ref,)).fetchone()
        return (Oid(row[0]), row[1]) if row else (None, 0)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.rollback()
            raise
        self._database.commit()

    def _sound(self, ask: Callable[[], _T]) -> _T:
        """Return what `ask` returns; a damaged index is made anew first."""
        try:
            return ask()
        except (sqlite3.Error, _Unsound) as error:
            if isinstance(error, sqlite3.Error) and not files.is_damage(error):
                raise files.translated(error) from error
        self._database.close()
        files.discard(self._path)
        self._reopen()
        if self._repository is not None:
            self._refresh()
        return ask()

    def _reopen(self) -> None:
        self._database.close()
        self._database = files.connect(self._path)
        self._inode = _inode(self._path)

    # -- asking -------------------------------------------------------------------------------------------

    def page(
        self,
        wanted: Filter = NO_FILTER,
        *,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
        with_outside: bool = False,
    ) -> list[Row]:
        """Return rows, newest first: those older than the record `before`, newer than `after`.

        `with_outside` lets commits through that have no record here. Raises NotFound for an id that is none.
        """
        bounds = [
            Condition(f"records.place {sign} ?", (self._place_of(self.resolve(end)),))
            for sign, end in (("<", before), (">", after))
            if end is not None
        ]
        return self._sound(lambda: self._page(wanted, bounds, limit, with_outside))

    def following(self, record: str, wanted: Filter = NO_FILTER, *, limit: int = 1) -> list[Row]:
        """Return the rows that came next after a record, oldest first. Raises NotFound."""
        newer = Condition("records.place > ?", (self._place_of(record),))
        return self._sound(lambda: self._page(wanted, [newer], limit, False, order="ASC"))

    def notes_about(self, record: str) -> list[Row]:
        """Return the notes about a record, oldest first."""
        sql = f"{_ROW} JOIN notes ON notes.place = records.place WHERE notes.about = ? ORDER BY records.place"
        return self._sound(lambda: [_row(row) for row in self._database.execute(sql, (record,))])

    def row(self, record: str) -> Row:
        """Return one row by its whole id. Raises NotFound."""
        found = self._sound(
            lambda: self._database.execute(f"{_ROW} WHERE records.id = ?", (record,)).fetchone()
        )
        if found is None:
            raise _no_record(record)
        return _row(found)

    def resolve(self, beginning: str) -> str:
        """Return the id that begins so, or whose commit's does. Raises NotFound, or InvalidInput for several."""
        wanted = beginning.strip()
        found = self._beginning(wanted.upper())
        if not found and _HEX.fullmatch(wanted.lower()):
            found = self._beginning(wanted.lower()) or self._of_commit(wanted.lower())
        if not found:
            raise _no_record(beginning)
        if len(found) > 1:
            shown = ", ".join(found[:_SHOWN_CANDIDATES]) + (", …" if len(found) > _SHOWN_CANDIDATES else "")
            raise InvalidInput(f"Several records begin with {beginning}: {shown}. Give more of the id.")
        return found[0]

    def count(self, wanted: Filter = NO_FILTER, *, with_outside: bool = False) -> int:
        """Return how many rows a filter lets through."""
        return self._sound(lambda: self._count(wanted, with_outside))

    def facets(self) -> Facets:
        """Return what there is to choose from."""
        return self._sound(
            lambda: Facets(
                kinds=self._facet("kind"),
                tools=self._facet("tool"),
                notebooks=self._facet("notebook"),
                persons=self._facet("person"),
                branches=self._branches(),
            )
        )

    def find_writer(self, path: str, digest: str | None = None, *, before: str | None = None) -> Row | None:
        """Return the newest record that wrote a file (with that content), older than `before`."""
        found = self._users(path, "w", digest, before, limit=1)
        return found[0] if found else None

    def readers(self, path: str, digest: str | None = None, *, limit: int = 50) -> list[Row]:
        """Return the records that read a file (with that content), newest first."""
        return self._users(path, "r", digest, None, limit=limit)

    # -- how ----------------------------------------------------------------------------------------------

    def _page(
        self,
        wanted: Filter,
        bounds: list[Condition],
        limit: int,
        with_outside: bool,
        *,
        order: Literal["ASC", "DESC"] = "DESC",
    ) -> list[Row]:
        source, found = self._narrowed(wanted, with_outside)
        place = "search.rowid" if source else "records.place"
        where = _all([*found, *bounds])
        rows = self._database.execute(
            f"{_ROW} {source} WHERE {where.sql} ORDER BY {place} {order} LIMIT ?", (*where.values, limit)
        )
        return [_row(row) for row in rows]

    def _count(self, wanted: Filter, with_outside: bool) -> int:
        source, found = self._narrowed(wanted, with_outside)
        where = _all(found)
        sql = f"SELECT count(*) FROM records {source} WHERE {where.sql}"
        return int(self._database.execute(sql, where.values).fetchone()[0])

    def _narrowed(self, wanted: Filter, with_outside: bool) -> tuple[str, list[Condition]]:
        """Return what to join and all conditions that a filter stands for."""
        found = conditions(wanted, with_outside=with_outside)
        if wanted.file is not None:
            found.append(self._file_condition(wanted.file))
        if wanted.branch is not None:
            found.append(branch_condition(self._database, wanted.branch))
        if wanted.search is None or not wanted.search.strip():
            return "", found
        expression = match_expression(wanted.search)
        if expression is None:
            return "", [Condition("0")]
        return (
            "JOIN search ON search.rowid = records.place",
            [Condition("search.search MATCH ?", (expression,)), *found],
        )

    def _file_condition(self, file: str) -> Condition:
        which = path_condition(file)
        ids = [
            row[0]
            for row in self._database.execute(f"SELECT path_id FROM paths WHERE {which.sql}", which.values)
        ]
        chosen = f"({','.join(map(str, ids))})"
        used = self._database.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM files WHERE path_id IN {chosen} LIMIT {_FEW_FILES})"
        ).fetchone()[0]
        if used < _FEW_FILES:
            return Condition(f"records.place IN (SELECT place FROM files WHERE path_id IN {chosen})")
        return Condition(
            f"EXISTS (SELECT 1 FROM files WHERE files.place = records.place AND +files.path_id IN {chosen})"
        )

    def _users(
        self, path: str, mode: str, digest: str | None, before: str | None, *, limit: int
    ) -> list[Row]:
        found = [Condition("paths.path = ? AND files.mode = ?", (path, mode))]
        if digest is not None:
            found.append(Condition("files.digest = ?", (digest,)))
        if before is not None:
            found.append(Condition("files.place < ?", (self._place_of(before),)))
        where = _all(found)
        join = "JOIN files ON files.place = records.place JOIN paths ON paths.path_id = files.path_id"
        sql = f"{_ROW} {join} WHERE {where.sql} ORDER BY files.place DESC LIMIT ?"
        return self._sound(lambda: [_row(row) for row in self._database.execute(sql, (*where.values, limit))])

    def _place_of(self, record: str) -> int:
        found = self._database.execute("SELECT place FROM records WHERE id = ?", (record,)).fetchone()
        if found is None:
            raise _no_record(record)
        return int(found[0])

    def _beginning(self, wanted: str) -> list[str]:
        if not wanted:
            return []
        sql = "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        values = (wanted, f"{wanted}\U0010ffff", _SHOWN_CANDIDATES + 1)
        return [row[0] for row in self._database.execute(sql, values)]

    def _of_commit(self, wanted: str) -> list[str]:
        low, high = bytes.fromhex(wanted.ljust(40, "0")), bytes.fromhex(wanted.ljust(40, "f"))
        sql = "SELECT DISTINCT id FROM commits JOIN records USING (place) WHERE oid BETWEEN ? AND ? LIMIT ?"
        return [row[0] for row in self._database.execute(sql, (low, high, _SHOWN_CANDIDATES + 1))]

    def _facet(self, column: str) -> dict[str, int]:
        rows = self._database.execute(
            f"SELECT {column}, count(*) FROM records WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY 2 DESC"
        )
        return dict(rows.fetchall())

    def _branches(self) -> dict[str, int]:
        names = [row[0] for row in self._database.execute("SELECT name FROM branches ORDER BY name")]
        return {name: sum(reach(self._database, name).values()) for name in names}


def _tips(repository: Repository) -> dict[str, Oid]:
    """Return where the branches stand, and HEAD when it is on none."""
    tips = {name.removeprefix(BRANCHES): tip for name, tip in repository.refs(BRANCHES).items()}
    head = repository.head()
    return {**tips, "HEAD": head} if head is not None and repository.branch() is None else tips


def _row(found: tuple[Any, ...]) -> Row:
    place, facts, commit, tree, device, code, text, error, notes = found
    try:
        record = Record.from_json(facts)
    except Damaged as damage:
        raise _Unsound from damage
    lies = {"place": place, "commit": commit, "tree": tree, "device": device, "notes": notes}
    return Row(**vars(record), **lies, code=code, text=text, error=error)


def _all(found: list[Condition]) -> Condition:
    sql = " AND ".join(f"({condition.sql})" for condition in found) or "1"
    return Condition(sql, tuple(value for condition in found for value in condition.values))


def _no_record(wanted: str) -> NotFound:
    return NotFound(f"There is no record {wanted} in this project. `trailmark log` lists them.")


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
