"""Recording an action: the one place that writes records and the commits that belong to them.

The order makes a crash harmless: all objects, then the entry on the records' ref (which names the commit),
then the branch. Whoever comes next finds an entry whose branch is behind, and finishes the pair. Both refs are
locked before either moves, so another git on the same branch can only make us start again.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from trailmark.activity.action import NO_CHANGE, Action, Change, NewFile
from trailmark.activity.model import FileRef, Record, RecordId
from trailmark.activity.store import (
    LogEntry,
    entry_message,
    find_tree,
    message_of,
    parse_entry,
    path_of,
    write_record,
)
from trailmark.activity.trail import Trail
from trailmark.errors import Busy, refusal_of
from trailmark.git import FOLDER, Commit, Entry, Oid, RefMove, RefMoved, Repository, Signature
from trailmark_capture.journal import new_id

_ATTEMPTS = 5


@dataclass(frozen=True)
class Recorded:
    """Where an action went. `commit` is None for an action that had been recorded before."""

    id: RecordId
    tree: Oid
    commit: Oid | None


def record(trail: Trail, action: Action, change: Change = NO_CHANGE, *, journalled: bool = False) -> Recorded:
    """Record one action as one commit, durably. An id that is recorded already is left as it is.

    What is `journalled` may be taken back by a power cut: its entry in the journal is kept until the refs are
    synced. Takes the project's lock. Raises Busy when another process keeps it, and while a person's own merge
    or rebase is under way; Unavailable, with nothing changed, when the disk refuses.
    """
    with trail.lock, _refusals():
        require_quiet(trail.repository)
        settle(trail)
        if action.id is not None:
            present = find_tree(trail.repository, action.id)
            if present is not None:
                return Recorded(RecordId(action.id), present, None)
        facts = _record_of(action, trail)
        tree = write_record(trail.repository, facts, action)
        commit = _append(trail, facts, tree, change, lasting=not journalled)
        return Recorded(facts.id, tree, commit)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def settle(trail: Trail) -> None:
    """Finish what a crash left undone: move the branch to the commit that the newest entry names.

    A branch that a person has moved since, with a git of their own, is left where they put it, and all is left
    as it is during a merge or rebase of theirs. The caller holds the project's lock.
    """
    repository = trail.repository
    if repository.is_in_operation():
        return
    if trail.settled is None:
        repository.release_stale_locks()
    tip = repository.find_ref(trail.ref)
    if tip is None or tip == trail.settled:
        return
    entry = parse_entry(repository.commit(tip))
    if entry is not None and not _is_complete(repository, entry):
        tip = _finish(trail, entry)
    trail.settled = tip


def require_quiet(repository: Repository) -> None:
    """Raise Busy while a person's own merge, rebase or the like is under way."""
    if repository.is_in_operation():
        raise Busy(
            f"A merge, rebase or cherry-pick of git's is under way in {repository.path}. Nothing was changed. "
            "Finish it (or give it up with git), and try again."
        )


def _append(trail: Trail, facts: Record, tree: Oid, change: Change, *, lasting: bool) -> Oid:
    """Write the commit and the entry and move both refs; again when a person's git came in between."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(RefMoved):
            return _append_once(trail, facts, tree, change, lasting=lasting)
    return _append_once(trail, facts, tree, change, lasting=lasting)


def _append_once(trail: Trail, facts: Record, tree: Oid, change: Change, *, lasting: bool) -> Oid:
    repository = trail.repository
    author = Signature(trail.person.name, trail.person.email, facts.started + facts.seconds)
    message = message_of(facts, tree)
    ref = repository.head_ref()
    parent = repository.find_ref(ref)
    base = repository.tree_of(parent)
    if change.over is not None and base != change.over:
        raise RefMoved(f"{ref} was moved by another program; nothing was changed. Try again.")
    files = change.tree or tree_after(repository, base, change)
    commit = repository.write_commit(files, [parent] if parent else [], message, author)
    before = repository.find_ref(trail.ref)
    records = repository.write_tree(repository.tree_of(before), {path_of(facts.id): Entry(tree, FOLDER)})
    entry = _write_entry(repository, records, before, commit, entry_message(message, commit, ref), author)
    reason = f"trailmark: {facts.kind}"
    repository.release_stale_locks([trail.ref, ref])
    moves = [RefMove(trail.ref, before, entry, reason), RefMove(ref, parent, commit, reason)]
    repository.update_refs(moves, head=ref, lasting=lasting)
    trail.settled = entry
    return commit


def _write_entry(
    repository: Repository, records: Oid, before: Oid | None, commit: Oid, message: str, author: Signature
) -> Oid:
    """Store an entry of the chain. The commit is its last parent, so that git keeps what a record is about."""
    return repository.write_commit(records, [*([before] if before else []), commit], message, author)


def tree_after(repository: Repository, base: Oid | None, change: Change) -> Oid:
    """Return the tree that a change of files makes of another."""
    changes: dict[str, Entry | None] = dict.fromkeys(sorted(change.remove))
    for path, file in change.put.items():
        changes[path] = Entry(_stored(repository, file), file.mode)
    if not changes and base is not None:
        return base
    return repository.write_tree(base, changes)


def _stored(repository: Repository, file: NewFile) -> Oid:
    return repository.write_blob(file.content) if isinstance(file.content, bytes) else file.content


def _is_complete(repository: Repository, entry: LogEntry) -> bool:
    """Return whether the branch has, or once had, the commit that an entry names."""
    tip = repository.find_ref(entry.ref)
    if tip is not None and repository.is_ancestor(entry.commit, tip):
        return True
    return any(repository.was_at(ref, entry.commit) for ref in (entry.ref, "HEAD"))


def _finish(trail: Trail, entry: LogEntry) -> Oid:
    """Put an entry's commit on its branch and return the newest entry.

    When the branch has moved on, the same change goes on top of where it is, with an entry that says so.
    """
    repository = trail.repository
    wanted = repository.commit(entry.commit)
    parent = wanted.parents[0] if wanted.parents else None
    tip = repository.find_ref(entry.ref)
    branch = RefMove(entry.ref, tip, entry.commit, "trailmark: finish")
    repository.release_stale_locks([trail.ref, entry.ref])
    if tip is None or tip == parent:
        repository.update_refs([branch])
        return entry.oid
    commit = _on_top(repository, tip, wanted)
    author = _author_of(wanted)
    message = entry_message(wanted.message, commit, entry.ref)
    records = repository.tree_of(entry.oid)
    assert records is not None
    again = _write_entry(repository, records, entry.oid, commit, message, author)
    repository.update_refs(
        [RefMove(trail.ref, entry.oid, again, "trailmark: finish"), replace(branch, new=commit)]
    )
    return again


def _on_top(repository: Repository, tip: Oid, wanted: Commit) -> Oid:
    """Store the change that a commit made as a commit on top of another."""
    parent = repository.tree_of(wanted.parents[0]) if wanted.parents else None
    changes = {change.path: change.new for change in repository.diff(parent, wanted.tree)}
    tree = repository.write_tree(repository.tree_of(tip), changes)
    return repository.write_commit(tree, [tip], wanted.message, _author_of(wanted))


def _author_of(commit: Commit) -> Signature:
    name, _, email = commit.author.rpartition(" <")
    return Signature(name, email.rstrip(">"), commit.time)


def _record_of(action: Action, trail: Trail) -> Record:
    started = time.time() if action.started is None else action.started
    chosen = {field.name for field in fields(Record)} & {field.name for field in fields(Action)}
    facts = {name: getattr(action, name) for name in chosen - {"id", "started", "outputs"}}
    return Record(
        id=RecordId(action.id or new_id(started)), started=started, author=str(trail.person), **facts
    )


def file_ref(path: str, data: bytes) -> FileRef:
    """Return the reference to a file of the project whose content git holds."""
    return FileRef(path, hashlib.sha256(data).hexdigest(), len(data))
