"""Recording an action: the one place that writes records and the commits that belong to them.

The order makes a crash harmless: all objects, then the entry on the records' ref (which names the commit),
then the branch. Whoever comes next finds an entry whose branch is behind, and finishes the pair.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, fields

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
from trailmark.git import FOLDER, Entry, Oid, Repository, Signature
from trailmark.git.repository import RefMoved
from trailmark_capture.journal import new_id

_ATTEMPTS = 5


@dataclass(frozen=True)
class Recorded:
    """Where an action went. `commit` is None for an action that had been recorded before."""

    id: RecordId
    tree: Oid
    commit: Oid | None


def record(trail: Trail, action: Action, change: Change = NO_CHANGE) -> Recorded:
    """Record one action as one commit, durably. An id that is recorded already is left as it is.

    Takes the project's lock. Raises Busy when another process keeps it.
    """
    with trail.lock:
        settle(trail)
        if action.id is not None:
            present = find_tree(trail.repository, action.id)
            if present is not None:
                return Recorded(RecordId(action.id), present, None)
        facts = _record_of(action, trail)
        tree = write_record(trail.repository, facts, action)
        commit = _append(trail, facts, tree, change)
        return Recorded(facts.id, tree, commit)


def settle(trail: Trail) -> None:
    """Finish what a crash left undone: move the branch to the commit that the newest entry names.

    A branch that a person has moved since, with a git of their own, is left where they put it.
    """
    repository = trail.repository
    tip = repository.find_ref(trail.ref)
    if tip is None or tip == trail.settled:
        return
    entry = parse_entry(repository.commit(tip))
    if entry is not None and not _is_complete(repository, entry):
        _advance(repository, entry.ref, entry.commit)
    trail.settled = tip


def _append(trail: Trail, facts: Record, tree: Oid, change: Change) -> Oid:
    repository = trail.repository
    author = Signature(trail.person.name, trail.person.email, facts.started + facts.seconds)
    ref, parent = repository.head_ref(), repository.head()
    files = change.tree or _tree_after(repository, repository.tree_of(parent), change)
    commit = repository.write_commit(files, [parent] if parent else [], message_of(facts, tree), author)
    before = repository.find_ref(trail.ref)
    records = repository.write_tree(repository.tree_of(before), {path_of(facts.id): Entry(tree, FOLDER)})
    entry = repository.write_commit(
        records, [before] if before else [], entry_message(facts, tree, commit, ref), author
    )
    repository.update_ref(trail.ref, entry, expected=before, reason=f"trailmark: {facts.kind}")
    try:
        repository.update_ref(ref, commit, expected=parent, reason=f"trailmark: {facts.kind}")
    except RefMoved:
        commit = _advance(repository, ref, commit)
    trail.settled = entry
    return commit


def _tree_after(repository: Repository, base: Oid | None, change: Change) -> Oid:
    changes: dict[str, Entry | None] = dict.fromkeys(sorted(change.remove))
    for path, file in change.put.items():
        changes[path] = Entry(_stored(repository, file), file.mode)
    if not changes and base is not None:
        return base
    return repository.write_tree(base, changes)


def _stored(repository: Repository, file: NewFile) -> Oid:
    return repository.write_blob(file.content) if isinstance(file.content, bytes) else file.content


def _is_complete(repository: Repository, entry: LogEntry) -> bool:
    tip = repository.find_ref(entry.ref)
    if tip == entry.commit:
        return True
    return repository.was_at(entry.ref, entry.commit)


def _advance(repository: Repository, ref: str, commit: Oid) -> Oid:
    """Put a commit on a branch; when the branch has moved on, put the same change on top of where it is."""
    wanted = repository.commit(commit)
    parent = wanted.parents[0] if wanted.parents else None
    for _ in range(_ATTEMPTS):
        tip = repository.find_ref(ref)
        new = commit if tip == parent else _on_top(repository, tip, commit)
        try:
            repository.update_ref(ref, new, expected=tip, reason="trailmark: finish")
        except RefMoved:
            continue
        return new
    raise RefMoved(
        f"{ref} keeps moving; the record is safe and will be put on the branch by the next command."
    )


def _on_top(repository: Repository, tip: Oid | None, commit: Oid) -> Oid:
    wanted = repository.commit(commit)
    parent = repository.tree_of(wanted.parents[0]) if wanted.parents else None
    changes = {change.path: change.new for change in repository.diff(parent, wanted.tree)}
    tree = repository.write_tree(repository.tree_of(tip), changes)
    name, _, email = wanted.author.rpartition(" <")
    author = Signature(name, email.rstrip(">"), wanted.time)
    return repository.write_commit(tree, [tip] if tip else [], wanted.message, author)


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
