"""Sweeping: what was changed in a project outside of any recorded action becomes a record of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trailmark.activity import Action, Change, FileRef, NewFile, Recorded, record, settle
from trailmark.git import Entry, Oid, present, worktree
from trailmark.git.checkout import Restored
from trailmark.git.worktree import Difference
from trailmark.projects.alter import finish
from trailmark.projects.difference import look
from trailmark.projects.held_back import Notice, Notices, described
from trailmark.projects.notebooks import canonical
from trailmark.projects.project import Project
from trailmark.projects.sweep_plan import Content, Differences, Rename, find_renames, title
from trailmark.projects.unsaved import UnsavedNotebooks


@dataclass
class _Swept:
    """What a sweep found: files as git will hold them, and what they were."""

    put: dict[str, NewFile] = field(default_factory=dict)
    writes: list[FileRef] = field(default_factory=list)
    added: dict[str, Content] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    deleted: dict[str, Content] = field(default_factory=dict)


def sweep(
    project: Project,
    *,
    paths: frozenset[str] | None = None,
    find_busy: Callable[[], Container[str]] = frozenset,
    actor: str = "person",
    told: Action | None = None,
) -> Recorded | None:
    """Record what changed by hand, everywhere or below `paths`; None when nothing did.

    What `find_busy` returns, asked after the files were looked at, are the paths that are left to the actions
    that write them. `told` is the action when Trailmark itself made the change for a person; what became of the
    files is added to it. While a person's own merge or rebase is under way nothing is recorded.
    """
    with project.trail.lock:
        restored = finish(project)
        if project.repository.is_in_operation():
            return None
        settle(project.trail)
        difference = look(project, paths)
        busy = find_busy()
        difference = _without(difference, busy)
        notices = Notices(project)
        news = notices.news(difference.held_back, leaving=frozenset(difference.removed))
        vanished = [path for path in notices.vanished(difference.held_back, paths) if path not in busy]
        if difference.is_empty and not news and not vanished:
            return None
        swept = _collect(project, difference)
        if not (swept.put or swept.deleted or news or vanished):
            return None
        action = _action(swept, news, vanished, restored, actor)
        if told is not None:
            detail = {**action.detail, **told.detail}
            action = replace(told, detail=detail, writes=action.writes, deletes=action.deletes)
        recorded = record(
            project.trail, action, Change(put=swept.put, remove=frozenset(swept.deleted) - swept.put.keys())
        )
        notices.remember(news, forget=(*vanished, *swept.put))
        worktree.sync_index(project.repository)
        return recorded


def _without(difference: Difference, exclude: Container[str]) -> Difference:
    return Difference(
        tuple(path for path in difference.put if path not in exclude),
        tuple(path for path in difference.removed if path not in exclude),
        tuple(held for held in difference.held_back if held.path not in exclude),
    )


def _collect(project: Project, difference: Difference) -> _Swept:
    """Store the files that changed and note what they were before."""
    repository = project.repository
    tree = repository.tree_of(repository.head())
    limit = project.max_file_bytes()
    unsaved = UnsavedNotebooks(project.state)
    swept = _Swept()
    for path in difference.put:
        found = present.read(project.path, path, max_bytes=limit)
        if not isinstance(found, present.Found):
            continue
        if path.endswith(".ipynb") and unsaved.is_behind(path, found.data):
            continue
        data = canonical(path, found.data)
        entry = Entry(repository.write_blob(data), found.mode)
        before = repository.find_entry(tree, path)
        if before == entry:
            continue
        swept.put[path] = NewFile(entry.oid, entry.mode)
        swept.writes.append(FileRef(path, hashlib.sha256(data).hexdigest(), len(data)))
        if before is None or before.mode not in worktree.FILE_MODES:
            swept.added[path] = Content(entry.oid, len(data), _likeness(path, data))
        else:
            swept.saved.append(path)
    for path in difference.removed:
        entry_before = repository.find_entry(tree, path)
        if entry_before is not None:
            swept.deleted[path] = _content(project, path, entry_before.oid)
    return swept


def _content(project: Project, path: str, oid: Oid) -> Content:
    if path.endswith(".ipynb"):
        data = project.repository.blob(oid)
        return Content(oid, len(data), _likeness(path, data))
    return Content(oid, project.repository.blob_size(oid))


def _likeness(path: str, data: bytes) -> str | None:
    """Return a digest of the sources of a notebook's cells; None for other files and for a notebook without any."""
    if not path.endswith(".ipynb"):
        return None
    try:
        sources = ["".join(cell["source"]) for cell in json.loads(data)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not any(source.strip() for source in sources):
        return None
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _action(
    swept: _Swept, news: Sequence[Notice], vanished: Sequence[str], restored: Restored | None, actor: str
) -> Action:
    noticed = {notice.path: described(notice) for notice in news}
    gone = {path: Content("", 0) for path in vanished}
    deleted = {path: content for path, content in swept.deleted.items() if path not in noticed}
    differences = Differences(swept.added, swept.saved, {**deleted, **gone}, noticed)
    renames = find_renames(swept.added, deleted)
    held = tuple(FileRef(notice.path, notice.digest, notice.bytes, held=False) for notice in news)
    return Action(
        "files",
        title(differences, renames),
        actor=actor,
        writes=(*swept.writes, *held),
        deletes=tuple(sorted({**deleted, **gone})),
        detail=_detail(renames, news, restored),
    )


def _detail(
    renames: Sequence[Rename], news: Sequence[Notice], restored: Restored | None
) -> Mapping[str, Any]:
    detail: dict[str, Any] = {}
    if renames:
        detail["renamed"] = [{"from": rename.old, "to": rename.new} for rename in renames]
    if news:
        detail["held_back"] = [
            {"path": notice.path, "bytes": notice.bytes, "digest": notice.digest, "reason": notice.reason}
            for notice in news
        ]
    if restored is not None and restored.set_aside:
        detail["set_aside"] = sorted(restored.set_aside)
    return detail
