"""Draining the journal: each finished entry becomes a record and its commit, once, in order.

What an action wrote is read the moment its entry is seen, so that the next action cannot alter it. The entry
of a notebook's cell then waits a moment for JupyterLab to save the notebook; when no save comes, the cell is
merged into the notebook as it was last saved, on top of the cells merged into it since. Entries are forgotten
only when nothing can lose their records.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trailmark.activity import Action, Change, FileRef, NewFile, Recorded, record, settle
from trailmark.activity.digests import DigestCache
from trailmark.activity.store import find_tree
from trailmark.git import worktree
from trailmark.git.present import Found
from trailmark.projects import notebooks
from trailmark.projects.entries import Entry, action_of, checked
from trailmark.projects.held_back import Notices
from trailmark.projects.project import Project
from trailmark.projects.unsaved import UnsavedNotebooks
from trailmark_capture import journal
from trailmark_capture.files.log import accesses, classify

SAVE_SECONDS = 0.6
_SETTLED_SECONDS = 5.0


@dataclass(frozen=True)
class Pending:
    """An entry whose files have been read and which waits to be recorded."""

    entry: Entry
    action: Action
    put: Mapping[str, NewFile]
    remove: frozenset[str]


class Drain:
    """Reads one project's journal and records what it finds. Cheap to call again: it remembers its place."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folder = project.state / "journal"
        self._digests = DigestCache(project.state / "digests.sqlite")
        self._offsets: dict[Path, int] = {}
        self._running: dict[str, tuple[Entry, Path]] = {}
        self._pending: list[Pending] = []
        self._unsaved = UnsavedNotebooks(project.state)

    def run(self) -> list[Recorded]:
        """Record every entry that is ready; return what was recorded, oldest first.

        While a person's own merge or rebase is under way nothing is recorded, and nothing is lost.
        """
        with self._project.trail.lock:
            settle(self._project.trail)
            if self._project.repository.is_in_operation():
                return []
            # Whoever is gone now has nothing to add: what is not over after reading never will be.
            segments = {*journal.segments(self._folder), *self._offsets}
            abandoned = frozenset(filter(journal.is_abandoned, segments))
            self._read()
            recorded = [*self._record_ready(), *self._record_lost(abandoned)]
            self._forget()
        return recorded

    @property
    def is_waiting(self) -> bool:
        """Whether entries wait for their notebook to be saved: call `run` again soon."""
        return bool(self._pending)

    def busy_paths(self) -> frozenset[str] | None:
        """Return the paths that running actions have written so far; None when that cannot be known.

        A sweep leaves them to the action that writes them.
        """
        paths = {str(pending.entry["notebook"]) for pending in self._pending if pending.entry.get("notebook")}
        for entry, _ in self._running.values():
            if entry.get("kind") == "command" and entry.get("files_log") is None:
                continue
            log = entry.get("files_log")
            if log is None:
                return None
            seen, _ = accesses(Path(log), 0, float(entry["started"]), time.time())
            files = classify(seen, self._project.path, ())
            paths.update(file["path"] for file in files.writes)
            paths.update(files.deletes)
        return frozenset(paths)

    # -- reading --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for segment in journal.segments(self._folder):
            for line, offset in journal.read(segment, self._offsets.setdefault(segment, 0)):
                entry = checked(line)
                if entry is not None:
                    self._take(entry, segment)
                self._offsets[segment] = offset

    def _take(self, entry: Entry, segment: Path) -> None:
        identity = entry["id"]
        if entry["type"] == "begin":
            self._running[identity] = (entry, segment)
            return
        self._running.pop(identity, None)
        if find_tree(self._project.repository, identity) is None:
            self._pending.append(self._prepare(entry))

    def _prepare(self, entry: Entry) -> Pending:
        put: dict[str, NewFile] = {}
        written = {file["path"] for file in entry.get("writes") or ()}
        writes = tuple(self._written(file, put) for file in entry.get("writes") or ())
        reads = tuple(self._read_ref(file, written) for file in entry.get("reads") or ())
        deletes = tuple(entry.get("deletes") or ())
        action = replace(action_of(entry), reads=reads, writes=writes, deletes=deletes)
        not_held = {write.path for write in writes if not (write.held or write.external)}
        return Pending(entry, action, put, frozenset(deletes).union(not_held) - put.keys())

    def _written(self, file: Mapping[str, Any], put: dict[str, NewFile]) -> FileRef:
        path = str(file["path"])
        candidate = bool(file.get("candidate"))
        if file.get("external"):
            return self._digested(Path(path), path, external=True, candidate=candidate)
        repository = self._project.repository
        found = worktree.read_file(repository, path, max_bytes=self._project.max_file_bytes())
        if found is None:
            whole = self._project.path / path
            return self._digested(whole, path, held=False, candidate=candidate)
        put[path] = NewFile(repository.write_blob(found.data), found.mode)
        digest = hashlib.sha256(found.data).hexdigest()
        return FileRef(path, digest, len(found.data), candidate=candidate)

    def _read_ref(self, file: Mapping[str, Any], written: set[str]) -> FileRef:
        path, candidate = str(file["path"]), bool(file.get("candidate"))
        if file.get("digest"):
            return FileRef(
                path,
                file["digest"],
                file.get("bytes"),
                external=bool(file.get("external")),
                candidate=candidate,
            )
        if file.get("external"):
            return self._digested(Path(path), path, external=True, candidate=candidate)
        if path in written:
            return self._before(path, candidate)
        return self._digested(self._project.path / path, path, candidate=candidate)

    def _before(self, path: str, candidate: bool) -> FileRef:
        """Return a file as it was before the action: what the project's last commit holds."""
        repository = self._project.repository
        entry = repository.find_entry(repository.tree_of(repository.head()), path)
        if entry is None:
            return FileRef(path, candidate=candidate)
        data = repository.blob(entry.oid)
        return FileRef(path, hashlib.sha256(data).hexdigest(), len(data), candidate=candidate)

    def _digested(
        self, whole: Path, path: str, *, external: bool = False, held: bool = True, candidate: bool = False
    ) -> FileRef:
        try:
            found = self._digests.digest_of(whole)
        except OSError:
            return FileRef(path, external=external, held=held, candidate=candidate)
        return FileRef(path, found.sha256, found.bytes, external=external, held=held, candidate=candidate)

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
        if time.time() > float(entry.get("ended", 0)) + SAVE_SECONDS:
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
        recorded = record(self._project.trail, pending.action, Change(put=put, remove=pending.remove))
        if not all(write.held for write in pending.action.writes):
            Notices(self._project).told(pending.action.writes)
        if notebook is not None and saved is not None and notebook.content != notebooks.cleaned(saved.data):
            self._unsaved.remember(str(path), saved.data)
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
        found = worktree.read_file(self._project.repository, path, max_bytes=self._project.max_file_bytes())
        return found if found is not None and notebooks.is_notebook(found.data) else None

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
                yield record(self._project.trail, action_of(entry, lost=True))
            del self._running[entry["id"]]

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
            segment.unlink(missing_ok=True)
            del self._offsets[segment]


def _writer(segment: Path) -> str:
    return segment.stem.split("-", 1)[-1]


def _is_over(segment: Path, offset: int) -> bool:
    """Return whether a segment's writer is gone and nothing whole stands behind `offset`."""
    try:
        age = time.time() - segment.stat().st_mtime
    except FileNotFoundError:
        return True
    return (
        age > _SETTLED_SECONDS
        and journal.is_abandoned(segment)
        and next(journal.read(segment, offset), None) is None
    )
