"""Which commit belongs to a record, and what a commit changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from trailmark.activity import RECORDS, FileRef
from trailmark.activity.store import parse_entry, trailers_of
from trailmark.errors import NotFound
from trailmark.git import BRANCHES, Commit, Oid, Repository, TreeChange
from trailmark.git.worktree import FILE_MODES


def commit_of(repository: Repository, record: str) -> Oid:
    """Return the commit that a record led to. Raises NotFound."""
    for tip in repository.refs(RECORDS).values():
        for found in _iter_back(repository, tip):
            entry = parse_entry(found)
            if entry is not None and entry.record == record:
                return entry.commit if repository.has(entry.commit) else _on_a_branch(repository, record)
    raise NotFound(f"There is no record {record} in this project. `trailmark log` lists them.")


def _on_a_branch(repository: Repository, record: str) -> Oid:
    for tip in repository.refs(BRANCHES).values():
        for found in _iter_back(repository, tip):
            if trailers_of(found.message).get("record") == record:
                return found.oid
    raise NotFound(
        f"The commit of the record {record} is not in this repository, so its files cannot be had back. "
        "Nothing was changed. `trailmark verify` lists what is missing."
    )


def _iter_back(repository: Repository, tip: Oid) -> Iterator[Commit]:
    """Yield a commit and its first parents without reading further back than is asked for."""
    oid: Oid | None = tip
    while oid is not None:
        commit = repository.commit(oid)
        yield commit
        oid = commit.parents[0] if commit.parents else None


def file_refs(repository: Repository, changes: Iterable[TreeChange]) -> tuple[FileRef, ...]:
    """Return references to the files as they are after these changes."""
    refs = []
    for change in changes:
        if change.new is not None and change.new.mode in FILE_MODES:
            data = repository.blob(change.new.oid)
            refs.append(FileRef(change.path, hashlib.sha256(data).hexdigest(), len(data)))
    return tuple(refs)
