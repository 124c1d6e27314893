"""Which records are on which branch: git's history as lines, each commit kept once.

A *line* is a run of commits along first parents. It *joins* others: the one that it begins on, and those that
its merges took in, each up to a step. A branch is the end of a line; what is on it are the lines that can be
reached from there. A branch that is moved by force costs only the commits that are new.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping

from trailmark.activity.index.ingest import Ingest
from trailmark.activity.index.row import MISSING, OUTSIDE
from trailmark.activity.index.search import Condition
from trailmark.activity.store import trailers_of
from trailmark.errors import Damaged, NotFound
from trailmark.git import Commit, Oid, Repository

_Spot = tuple[int, int]
_FEW_COMMITS = 20_000


class Branches:
    """The lines of one repository in the index, within the caller's transaction."""

    def __init__(
        self, database: sqlite3.Connection, repository: Repository, *, newest: int | None = None
    ) -> None:
        """`newest`: take in no more than so many commits; those whose records are older are no news."""
        self._database = database
        self._repository = repository
        self._is_partial = newest is not None
        self._left = sys.maxsize if newest is None else newest
        self._ingest = Ingest(database, repository)

    def bring_to(self, tips: Mapping[str, Oid]) -> int:
        """Make the branches in the index those of git; return how many commits were new."""
        known = dict(self._database.execute("SELECT name, tip FROM branches").fetchall())
        new = 0
        for name in known.keys() - tips.keys():
            self._database.execute("DELETE FROM branches WHERE name = ?", (name,))
        for name, tip in tips.items():
            if known.get(name) == tip:
                continue
            new += self._take(tip)
            spot = self._spot(tip)
            if spot is not None:
                self._database.execute(
                    "INSERT OR REPLACE INTO branches VALUES (?, ?, ?, ?)", (name, tip, *spot)
                )
        return new

    def lacks(self, tip: Oid) -> int:
        """Return how many commits are to be taken in along a tip's first parents, counted up to `newest`."""
        return len(self._unknown(tip)[0])

    def _take(self, tip: Oid) -> int:
        """Take in every commit that can be reached from a tip and is not known."""
        waiting, joins, taken = [tip], list[tuple[int, int, Oid]](), 0
        while waiting:
            path, base = self._unknown(waiting.pop())
            if not path:
                continue
            taken += len(path)
            self._left -= len(path)
            line, step = self._line_behind(base)
            place = self._place_at(base)
            for commit in reversed(path):
                step += 1
                place = self._place_of(commit, place)
                self._database.execute(
                    "INSERT INTO commits VALUES (?, ?, ?, ?)", (bytes.fromhex(commit.oid), line, step, place)
                )
                joins += [(line, step, parent) for parent in commit.parents[1:]]
                waiting += commit.parents[1:]
        for line, step, parent in joins:
            spot = self._spot(parent)
            if spot is not None:
                self._database.execute("INSERT INTO joins VALUES (?, ?, ?, ?)", (line, step, *spot))
        return taken

    def _unknown(self, tip: Oid) -> tuple[list[Commit], _Spot | None]:
        """Return the unknown commits along first parents, newest first, and where the known ones begin."""
        path: list[Commit] = []
        following: Oid | None = tip
        while following is not None and len(path) < self._left:
            spot = self._spot(following)
            if spot is not None:
                return path, spot
            try:
                commit = self._repository.commit(following)
            except (Damaged, NotFound):
                return path, None
            path.append(commit)
            following = commit.parents[0] if commit.parents else None
        return path, None

    def _line_behind(self, base: _Spot | None) -> _Spot:
        """Return the line that goes on behind a commit, and its last step: that commit's, or a new one."""
        if base is not None:
            last = self._database.execute(
                "SELECT max(step) FROM commits WHERE line = ?", (base[0],)
            ).fetchone()[0]
            if last == base[1]:
                return base
        line = 1 + self._database.execute("SELECT coalesce(max(line), 0) FROM commits").fetchone()[0]
        if base is not None:
            self._database.execute("INSERT INTO joins VALUES (?, 1, ?, ?)", (line, *base))
        return line, 0

    def _spot(self, commit: Oid) -> _Spot | None:
        row = self._database.execute(
            "SELECT line, step FROM commits WHERE oid = ?", (bytes.fromhex(commit),)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def _place_at(self, spot: _Spot | None) -> int:
        if spot is None:
            return 0
        row = self._database.execute("SELECT place FROM commits WHERE line = ? AND step = ?", spot).fetchone()
        return int(row[0])

    def _place_of(self, commit: Commit, behind: int) -> int:
        """Return the place of the record that a commit names; of a row of its own when there is none."""
        named = trailers_of(commit.message).get("record")
        if named is None:
            return self._ingest.take_plain(commit, OUTSIDE, behind)
        place = self._ingest.place_of(named)
        if place is None and self._is_partial:
            return behind
        return self._ingest.take_plain(commit, MISSING, behind) if place is None else place


def branch_condition(database: sqlite3.Connection, branch: str) -> Condition:
    """Return what a row of `records` must satisfy to be on a branch."""
    lines = reach(database, branch)
    database.execute("CREATE TEMP TABLE IF NOT EXISTS reached (line INTEGER PRIMARY KEY, upto INTEGER)")
    database.execute("DELETE FROM reached")
    database.executemany("INSERT INTO reached VALUES (?, ?)", lines.items())
    held = "commits.line = reached.line AND commits.step <= reached.upto"
    if sum(lines.values()) < _FEW_COMMITS:
        return Condition(
            f"records.place IN (SELECT commits.place FROM reached CROSS JOIN commits WHERE {held})"
        )
    newest = database.execute(
        f"SELECT place FROM commits CROSS JOIN reached WHERE {held} ORDER BY place DESC LIMIT 1"
    ).fetchone()[0]
    return Condition(
        "records.place <= ? AND EXISTS (SELECT 1 FROM commits CROSS JOIN reached "
        f"WHERE commits.place = records.place AND {held})",
        (newest,),
    )


def reach(database: sqlite3.Connection, branch: str) -> dict[int, int]:
    """Return the lines that a branch holds, each up to a step; nothing for a branch that is not known."""
    found: dict[int, int] = {}
    row = database.execute("SELECT line, step FROM branches WHERE name = ?", (branch,)).fetchone()
    waiting = [(int(row[0]), int(row[1]))] if row else []
    while waiting:
        line, step = waiting.pop()
        if found.get(line, 0) >= step:
            continue
        found[line] = step
        waiting += database.execute(
            "SELECT other, upto FROM joins WHERE line = ? AND step <= ?", (line, step)
        ).fetchall()
    return found
