"""Draining the journal: each finished entry becomes a record and its commit, once, in order.

What an action wrote is read the moment its entry is seen, so that the next action cannot alter it. The entry
of a notebook's cell then waits a moment for JupyterLab to save the notebook; when no save comes, the cell is
merged into the notebook as it was last saved, on top of the cells merged into it since. Entries are forgotten
only when nothing can lose their records.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trailmark.activity import Action, Change, NewFile, Recorded, record, settle
from trailmark.activity.digests import DigestCache
from trailmark.activity.store import find_tree
from trailmark.git import Entry as GitEntry
from trailmark.git import worktree
from trailmark.git.present import Found
from trailmark.projects import notebooks
from trailmark.projects.captured import everywhere
from trailmark.projects.entries import Entry, action_of, checked, lost
from trailmark.projects.entry_files import Around, look_up
from trailmark.projects.held_back import Notices
from trailmark.projects.project import Project
from trailmark.projects.secrets import SecretFinder, secrets_path
from trailmark.projects.unsaved import UnsavedNotebooks
from trailmark.projects.working import Busy, Working
from trailmark_capture import journal
from trailmark_capture.files.log import accesses, classify
from trailmark_capture.files.opened import followed
from trailmark_capture.redact import Redactor
from trailmark_capture.shared import SharedFolder

log = logging.getLogger("trailmark.recorder")

SAVE_SECONDS = 0.6
_SETTLED_SECONDS = 5.0


@dataclass(frozen=True)
class Pending:
    """An entry whose files have been read and which waits to be recorded."""

    entry: Entry
    action: Action
    put: Mapping[str, NewFile]
    remove: frozenset[str]
    since: float = field(default_factory=time.monotonic)


class Drain:
    """Reads one project's journal and records what it finds. Cheap to call again: it remembers its place."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._places = {place.journal: place for place in everywhere(project.state)}
        self._redactor = Redactor(path=secrets_path(project))
        self._digests = DigestCache(project.state / "digests.sqlite")
        self._offsets: dict[Path, int] = {}
        self._running: dict[str, tuple[Entry, Path]] = {}
        self._pending: list[Pending] = []
        self._unsaved = UnsavedNotebooks(project.state)
        self._working = Working(project)

    def run(self) -> list[Recorded]:
        """Record every entry that is ready; return what was recorded, oldest first.

        While a person's own merge or rebase is under way nothing is recorded, and nothing is lost.
        """
        with self._project.trail.lock:
            settle(self._project.trail)
            if self._project.repository.is_in_operation():
                return []
            # Whoever is gone now has nothing to add: what is not over after reading never will be.
            segments = {*self._segments(), *self._offsets}
            abandoned = frozenset(filter(journal.is_abandoned, segments))
            self._read()
            recorded = [*self._record_ready(), *self._record_lost(abandoned)]
            self._forget()
        return recorded

    @property
    def is_waiting(self) -> bool:
        """Whether entries wait for their notebook to be saved: call `run` again soon."""
        return bool(self._pending)

    def busy(self) -> Busy:
        """Return the paths that programs are writing: a sweep leaves them to the actions that write them."""
        waiting = [str(path) for pending in self._pending if (path := pending.entry.get("notebook"))]
        return self._working.busy([entry for entry, _ in self._running.values()], waiting)

    def remove_logs(self) -> None:
        """Remove the logs of accesses that programs left which are gone, once nothing is left to record."""
        if self._running or self._pending or self._segments():
            return
        for place in self._places.values():
            shell, logs = SharedFolder(place.shell), SharedFolder(place.files)
            noted = [name for name in shell.names(".r") if shell.folder(name).names(".expression")]
            if noted or shell.names(".spool"):
                continue
            living = set(followed(place.files).values())
            for name in logs.names():
                path = place.files / name
                if str(path.with_suffix(".log")) not in living and _age(path) > _SETTLED_SECONDS:
                    logs.remove(name)

    # -- reading --------------------------------------------------------------------------------------------

    def _segments(self) -> list[Path]:
        return [segment for folder in self._places for segment in journal.segments(folder)]

    def _read(self) -> None:
        """Take in the new entries of all segments, in the order in which they were written."""
        new: list[tuple[float, Entry, Path]] = []
        segments = self._segments()
        offsets = dict.fromkeys(segments, 0) | self._offsets
        for segment in segments:
            at = 0.0
            for line, offset in journal.read(segment, offsets[segment]):
                offsets[segment] = offset
                entry = self._taken_in(line, segment)
                if entry is not None:
                    at = max(at, float(entry["started" if entry["type"] == "begin" else "ended"]))
                    new.append((at, entry, segment))
        new.sort(key=lambda item: item[0])
        for number, (_, entry, segment) in enumerate(new):
            self._take(entry, segment, [later for _, later, _ in new[number + 1 :]])
        self._offsets = offsets

    def _taken_in(self, line: Entry, segment: Path) -> Entry | None:
        """Return an entry as it is recorded: as its place may have it, and without what has become secret since."""
        entry = checked(line)
        confined = None if entry is None else self._places[segment.parent].confined(entry)
        if entry is not None and confined is None:
            log.warning("An entry of %s cannot be recorded and was skipped.", segment.name)
        return None if confined is None else self._redactor.entry(confined)

    def _take(self, entry: Entry, segment: Path, later: Sequence[Entry]) -> None:
        identity = entry["id"]
        if entry["type"] == "begin":
            self._running[identity] = (entry, segment)
            return
        if not self._is_known(identity):
            self._pending.append(self._prepared(entry, segment, later))
        self._running.pop(identity, None)

    def _is_known(self, identity: str) -> bool:
        if any(pending.entry["id"] == identity for pending in self._pending):
            return True
        return find_tree(self._project.repository, identity) is not None

    def _prepared(self, entry: Entry, segment: Path, later: Sequence[Entry] = ()) -> Pending:
        ended = float(entry["ended"])
        # The times of an action during which the clock was set back cannot be compared with others.
        actions = (
            [entry, *(begin for begin, _ in self._running.values())] if ended >= entry["started"] else ()
        )

        def is_later(path: str) -> bool:
            is_named = any(_writes(other, path) for other in later)
            return is_named or self._working.was_touched(path, ended, actions)

        around = Around(is_later, self._find_before)
        is_foreign = self._places[segment.parent].is_foreign
        files = look_up(self._project, self._digests, entry, around, is_foreign=is_foreign)
        action = replace(action_of(entry), reads=files.reads, writes=files.writes, deletes=files.deletes)
        return Pending(entry, action, files.put, files.remove)

    def _find_before(self, path: str) -> GitEntry | None:
        """Return a file as the entries that wait, or else the last commit, left it."""
        for pending in reversed(self._pending):
            file = pending.put.get(path)
            if file is not None and not isinstance(file.content, bytes):
                return GitEntry(file.content, file.mode)
            if path in pending.remove:
                return None
        repository = self._project.repository
        return repository.find_entry(repository.tree_of(repository.head()), path)

    # -- recording ------------------------------------------------------------------------------------------

    def _record_ready(self) -> Iterator[Recorded]:
        """Record what is ready, in order. An entry is let go of only when it is recorded."""
        while self._pending and self._is_ready(self._pending[0], self._pending[1:]):
            yield self._record(self._pending[0])
            del self._pending[0]

    def _is_ready(self, pending: Pending, later: Iterable[Pending]) -> bool:
        entry = pending.entry
        notebook = entry.get("notebook")
        if not notebook or not entry.get("save_expected"):
            return True
        if (
            time.monotonic() > pending.since + SAVE_SECONDS
            or time.time() > float(entry["ended"]) + SAVE_SECONDS
        ):
            return True
        if any(other.entry.get("notebook") == notebook for other in later):
            return True
        saved = self._saved(notebook)
        return saved is not None and notebooks.shows(
            saved.data, entry.get("cell") or "", entry.get("execution_count")
        )

    def _record(self, pending: Pending) -> Recorded:
        path = pending.entry.get("notebook")
        saved = self._saved(path) if path else None
        notebook = self._notebook(pending.entry, saved)
        put = pending.put if notebook is None else {**pending.put, str(path): notebook}
        if notebook is not None and saved is not None and notebook.content != notebooks.cleaned(saved.data):
            self._unsaved.remember(str(path), saved.data)
        change = Change(put=put, remove=pending.remove)
        recorded = record(self._project.trail, pending.action, change, journalled=True)
        action = pending.action
        if action.deletes or not all(write.held for write in action.writes):
            Notices(self._project).told(action.writes, action.deletes)
        return recorded

    def _notebook(self, entry: Entry, saved: Found | None) -> NewFile | None:
        """Return the notebook as it stood when the cell ended: as it was saved, or with the cell merged in."""
        path = entry.get("notebook")
        if not path:
            return None
        if saved is not None and notebooks.shows(
            saved.data, entry.get("cell") or "", entry.get("execution_count")
        ):
            return NewFile(notebooks.cleaned(saved.data), saved.mode)
        if saved is None or self._unsaved.is_behind(path, saved.data):
            saved = self._committed(path) or saved
        return None if saved is None else NewFile(notebooks.merged(saved.data, entry), saved.mode)

    def _saved(self, path: str) -> Found | None:
        """Return a notebook as it was last saved; None while Jupyter writes it, which it does in place.

        For as long as that takes, Jupyter keeps the old version beside it, as ``.~NAME``.
        """
        folder, _, name = path.rpartition("/")
        if (self._project.path / folder / f".~{name}").exists():
            return None
        repository = self._project.repository
        tree, limit = repository.tree_of(repository.head()), self._project.max_file_bytes()
        found = worktree.read_file(repository, path, tree=tree, max_bytes=limit)
        is_whole = found is not None and notebooks.is_notebook(found.data)
        return found if is_whole and found is not None and not self._holds_secret(found.data) else None

    def _holds_secret(self, data: bytes) -> bool:
        """Return whether a notebook that another program than Jupyter has saved is not for git."""
        return SecretFinder(self._project).find_in(data) is not None

    def _committed(self, path: str) -> Found | None:
        repository = self._project.repository
        entry = repository.find_entry(repository.tree_of(repository.head()), path)
        return Found(repository.blob(entry.oid), entry.mode) if entry is not None else None

    def _record_lost(self, abandoned: frozenset[Path]) -> Iterator[Recorded]:
        """Record the actions that began and whose program is gone without a word.

        A writer that lives holds a segment, perhaps a newer one than that with the beginning.
        """
        alive = {_writer(segment) for segment in self._offsets if segment not in abandoned}
        for entry, segment in list(self._running.values()):
            if _writer(segment) in alive:
                continue
            if find_tree(self._project.repository, entry["id"]) is None:
                yield self._record(self._prepared(self._lost(entry, segment), segment))
            del self._running[entry["id"]]

    def _lost(self, begin: Entry, segment: Path) -> Entry:
        noted = begin.get("files_log")
        found = accesses(Path(noted), 0, float(begin["started"]), math.inf)[0] if noted else []
        exclude = ("/",) if self._places[segment.parent].is_foreign else ()
        files = classify(found, self._project.path, exclude)
        reads = [file for file in files.reads if not file["external"]]
        return lost(begin, files._replace(reads=reads), max((access.time for access in found), default=0.0))

    def _forget(self) -> None:
        """Remove the segments of which nothing is needed any more."""
        if self._pending:
            return
        needed = {segment for _, segment in self._running.values()}
        done = [
            segment
            for segment, offset in self._offsets.items()
            if segment not in needed and _is_over(segment, offset)
        ]
        if not done:
            return
        self._project.repository.sync_refs()
        for segment in done:
            SharedFolder(segment.parent).remove(segment.name)
            del self._offsets[segment]


def _writes(entry: Entry, path: str) -> bool:
    return path in (entry.get("deletes") or ()) or any(
        file["path"] == path for file in entry.get("writes") or ()
    )


def _writer(segment: Path) -> str:
    return segment.stem.split("-", 1)[-1]


def _age(path: Path) -> float:
    """Return how long ago a file was written to; without end for one that is gone."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return math.inf


def _is_over(segment: Path, offset: int) -> bool:
    """Return whether a segment's writer is gone and nothing whole stands behind `offset`."""
    age = _age(segment)
    return age == math.inf or (
        age > _SETTLED_SECONDS
        and journal.is_abandoned(segment)
        and next(journal.read(segment, offset), None) is None
    )
