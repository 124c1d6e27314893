"""Checking the trail: every object against its hash, every record against its entry, commit and outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pygit2

from trailmark.activity.model import Record
from trailmark.activity.store import LogEntry, iter_chain, path_of, trailers_of
from trailmark.activity.trail import RECORDS
from trailmark.errors import Cancelled, Damaged, NotFound
from trailmark.git import Commit, Oid, Repository
from trailmark.git.integrity import Walk, damaged_packs, shallow_commits
from trailmark.progress import NullProgress, Progress

_REPORT_EVERY = 500
_CHAINS, _BRANCHES = "refs/trailmark/", ("refs/heads/", "refs/remotes/", "refs/tags/")


@dataclass(frozen=True)
class Problem:
    """What is altered or missing; `record` is None when it cannot be said which record it belongs to."""

    record: str | None
    what: str


@dataclass(frozen=True)
class Verdict:
    """What the check found. `records` is how many records the chains name."""

    ok: bool
    records: int
    problems: tuple[Problem, ...]


def verify(repository: Repository, progress: Progress | None = None) -> Verdict:
    """Check all of a repository's trail and every object that it leads to. Raises Cancelled.

    Commits made with plain git are no fault. What cannot be read is a problem in the verdict, not an error.
    """
    return _Check(repository, progress or NullProgress()).run()


class _Check:
    def __init__(self, repository: Repository, progress: Progress) -> None:
        self._repository = repository
        self._progress = progress
        self._walk = Walk(repository.objects, shallow_commits(repository))
        self._entries: dict[str, list[LogEntry]] = {}
        self._problems: dict[Problem, None] = {}
        self._done = self._expected = 0

    def run(self) -> Verdict:
        """Check everything. Of damaged packs nothing is read: libgit2 may crash on a damaged index of one."""
        self._progress.step("Checking the packs of objects")
        for name in damaged_packs(self._repository.objects.folder):
            self._report(
                None, f"The pack {name} is damaged. Restore it from a copy to have the rest checked."
            )
        if self._problems:
            return self._verdict()
        tips = dict(self._tips())
        self._progress.step("Reading the chains of records")
        chains = {name: self._chain(name, tip) for name, tip in tips.items() if name.startswith(RECORDS)}
        self._expected = sum(map(len, chains.values()))
        for name, entries in chains.items():
            self._check_chain(tips[name], entries)
        self._progress.step("Checking the branches")
        self._check_branches([tip for name, tip in tips.items() if not name.startswith(_CHAINS)])
        return self._verdict()

    def _verdict(self) -> Verdict:
        problems = tuple(self._problems)
        return Verdict(not problems, len(self._entries), problems)

    # -- chains -------------------------------------------------------------------------------------------

    def _tips(self) -> Iterator[tuple[str, Oid]]:
        """Yield every ref with what it names, HEAD among them; a ref that cannot be read is a problem."""
        for name in sorted({*self._repository.raw.references, "HEAD"}):
            if name != "HEAD" and not name.startswith((_CHAINS, *_BRANCHES)):
                continue
            try:
                found = self._repository.raw.lookup_reference(name).resolve().target
            except KeyError:
                continue
            except (pygit2.GitError, ValueError) as error:
                self._report(None, f"{name} cannot be read ({error}).")
                continue
            yield name, Oid(str(found))

    def _chain(self, name: str, tip: Oid) -> list[LogEntry]:
        """Return the entries of a device's chain, oldest first, as far as it can be followed."""
        entries: list[LogEntry] = []
        try:
            for commit, entry in iter_chain(self._repository, tip):
                if entry is None:
                    self._report(None, f"{commit.oid} on {name} is not an entry of Trailmark's.")
                else:
                    entries.append(entry)
                if commit.oid in self._walk.shallow:
                    break
        except (Damaged, NotFound) as error:
            last = entries[-1].record if entries else None
            self._report(last, f"The chain {name} cannot be followed further back than this: {error}")
        entries.reverse()
        for entry in entries:
            self._entries.setdefault(entry.record, []).append(entry)
        return entries

    def _check_chain(self, tip: Oid, entries: list[LogEntry]) -> None:
        for entry in entries:
            self._tick()
            self._check_entry(entry)
        self._visit(tip, None)
        self._compare_with_tree(tip, entries)

    def _check_entry(self, entry: LogEntry) -> None:
        """Check what an entry names, and every object that came with it."""
        self._check_record(entry)
        self._visit(entry.oid, entry.record)
        try:
            commit = self._repository.commit(entry.commit)
        except (Damaged, NotFound) as error:
            self._report(entry.record, f"Its commit cannot be read: {error}")
            return
        named = trailers_of(commit.message)
        if (named.get("record"), named.get("tree")) != (entry.record, entry.tree):
            self._report(entry.record, f"Its commit {entry.commit} does not name it with its content.")

    def _check_record(self, entry: LogEntry) -> None:
        try:
            record = Record.from_json(self._blob(entry.tree, "record.json"))
            if record.id != entry.record:
                self._report(entry.record, f"What is stored says that it is record {record.id}.")
            for output in record.outputs:
                data = self._blob(entry.tree, output.file)
                if (len(data), hashlib.sha256(data).hexdigest()) != (output.bytes, output.digest):
                    self._report(entry.record, f"Its output {output.file} is not what was recorded.")
        except (Damaged, NotFound) as error:
            self._report(entry.record, f"It cannot be read whole: {error}")

    def _blob(self, tree: Oid, path: str) -> bytes:
        found = self._repository.find_entry(tree, path)
        if found is None:
            raise Damaged(f"{path} is missing.")
        return self._repository.blob(found.oid)

    def _compare_with_tree(self, tip: Oid, entries: Iterable[LogEntry]) -> None:
        """Check that the newest tree of a chain holds precisely the records that the chain names."""
        named = {path_of(entry.record): entry for entry in entries}
        try:
            held = dict(self._held(self._repository.commit(tip).tree, 3, ""))
        except (Damaged, NotFound):
            return
        for path, entry in named.items():
            if held.get(path) != entry.tree:
                self._report(entry.record, "Its chain's newest tree does not hold it as it was recorded.")
        for path in held.keys() - named.keys():
            self._report(path.rpartition("/")[2], "It is stored, but no entry of the chain names it.")

    def _held(self, tree: Oid, depth: int, below: str) -> Iterator[tuple[str, Oid]]:
        for name, entry in self._repository.children(tree).items():
            if depth:
                yield from self._held(entry.oid, depth - 1, f"{below}{name}/")
            else:
                yield below + name, entry.oid

    # -- branches -----------------------------------------------------------------------------------------

    def _check_branches(self, tips: list[Oid]) -> None:
        for tip in tips:
            self._visit(tip, None)
        copies: dict[str, Oid] = {}
        reached: set[str] = set()
        for commit in self._reachable(tips):
            named = trailers_of(commit.message)
            record = named.get("record")
            if record is None:
                continue
            entries = self._entries.get(record, [])
            if not entries:
                self._report(record, f"The commit {commit.oid} names it, but the record is missing.")
            elif named.get("tree") not in {entry.tree for entry in entries}:
                self._report(record, f"The commit {commit.oid} names it with another content.")
            elif commit.oid in {entry.commit for entry in entries}:
                reached.add(record)
            else:
                copies[record] = commit.oid
        for record in copies.keys() - reached:
            self._report(
                record,
                f"History was rewritten: the commit {copies[record]} stands where its own commit was, "
                f"{self._entries[record][-1].commit}, which no branch holds any more.",
            )

    def _reachable(self, tips: list[Oid]) -> Iterator[Commit]:
        """Yield every commit that can be reached and read, once."""
        waiting, seen = list(tips), set[Oid]()
        while waiting:
            oid = waiting.pop()
            if oid in seen:
                continue
            seen.add(oid)
            try:
                commit = self._repository.commit(oid)
            except (Damaged, NotFound):
                continue
            yield commit
            if oid not in self._walk.shallow:
                waiting += commit.parents

    # -- how ----------------------------------------------------------------------------------------------

    def _visit(self, oid: Oid, record: str | None) -> None:
        """Read every object that can be reached from one and was not read yet."""
        for what in self._walk.visit(oid):
            self._report(record, what)

    def _report(self, record: str | None, what: str) -> None:
        self._problems[Problem(record, what)] = None

    def _tick(self) -> None:
        self._done += 1
        if self._progress.cancelled:
            raise Cancelled("The check was stopped; nothing was changed.")
        if self._done % _REPORT_EVERY == 0:
            share = self._done / max(1, self._expected)
            self._progress.step(f"Checked {self._done:,} of {self._expected:,} records", share)
