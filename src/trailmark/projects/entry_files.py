"""The files of a journal entry, looked up: what git shall hold of them, and what a record says of them.

An entry is seen a moment after its action, sometimes much later. What a later action has overwritten meanwhile is
that action's, and a file that was still open is left to the entry that comes when it is closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailmark.activity import FileRef, NewFile
from trailmark.activity.digests import DigestCache
from trailmark.git import Entry as GitEntry
from trailmark.git import present, worktree
from trailmark.projects.entries import Entry, is_place
from trailmark.projects.project import Project
from trailmark.projects.secrets import SecretFinder

# A file's times lag behind the clock by a tick of the system's.
_TICK_SECONDS = 0.02


@dataclass(frozen=True)
class EntryFiles:
    """What an action read, wrote and deleted; `put` and `remove` are what becomes of the project's tree."""

    reads: tuple[FileRef, ...]
    writes: tuple[FileRef, ...]
    deletes: tuple[str, ...]
    put: Mapping[str, NewFile]
    remove: frozenset[str]


@dataclass(frozen=True)
class Around:
    """What is known of other actions: whether a later one has written to a path, and what earlier ones left there."""

    is_later: Callable[[str], bool]
    find_before: Callable[[str], GitEntry | None]


def look_up(
    project: Project, digests: DigestCache, entry: Entry, around: Around, *, is_foreign: bool = False
) -> EntryFiles:
    """Return the files of an entry as they are for git and for the record.

    One that is foreign was written where this machine's files are others; nothing outside of the project is read
    for it, and nothing that a link leads to.
    """
    return _Look(project, digests, entry, around, is_foreign).files()


class _Look:
    def __init__(
        self, project: Project, digests: DigestCache, entry: Entry, around: Around, is_foreign: bool
    ) -> None:
        self._project = project
        self._repository = project.repository
        self._digests = digests
        self._entry = entry
        self._around = around
        self._is_elsewhere = is_foreign or entry.get("engine", "local") != "local"
        self._tree = self._repository.tree_of(self._repository.head())
        self._limit = project.max_file_bytes()
        self._secrets = SecretFinder(project)
        self._put: dict[str, NewFile] = {}
        self._not_for_git: set[str] = set()

    def files(self) -> EntryFiles:
        """Look everything up, what was written first: it may change at any moment."""
        writes = tuple(self._written(self._placed(file)) for file in self._entry.get("writes") or ())
        named = {file.path for file in writes}
        reads = tuple(self._read(self._placed(file), named) for file in self._entry.get("reads") or ())
        deletes = tuple(self._entry.get("deletes") or ())
        remove = self._not_for_git.union(filter(present.is_plain_path, deletes)) - self._put.keys()
        return EntryFiles(reads, writes, deletes, self._put, frozenset(remove))

    def _placed(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a file as it is named in the project; capture knows no better when that was moved meanwhile."""
        root = f"{self._project.path}/"
        if not (file.get("external") and file["path"].startswith(root)):
            return file
        if not is_place(file["path"].removeprefix(root)):
            return file
        return {**file, "path": file["path"].removeprefix(root), "external": False}

    def _written(self, file: Mapping[str, Any]) -> FileRef:
        path, candidate = str(file["path"]), bool(file.get("candidate"))
        if file.get("external"):
            return self._digested(Path(path), path, external=True, candidate=candidate)
        if file.get("open"):
            return FileRef(path, held=False, candidate=candidate, open=True)
        found = worktree.read_file(self._repository, path, tree=self._tree, max_bytes=self._limit)
        if self._is_changed(path) and self._around.is_later(path):
            return FileRef(path, held=False, candidate=candidate)
        if found is None:
            self._not_for_git.add(path)
            return self._digested(self._project.path / path, path, held=False, candidate=candidate)
        if self._secrets.find_in(found.data):
            self._not_for_git.add(path)
            return FileRef(path, None, len(found.data), held=False, candidate=candidate)
        self._put[path] = NewFile(self._repository.write_blob(found.data), found.mode)
        digest = hashlib.sha256(found.data).hexdigest()
        return FileRef(path, digest, len(found.data), candidate=candidate)

    def _read(self, file: Mapping[str, Any], written: set[str]) -> FileRef:
        path, candidate, external = str(file["path"]), bool(file.get("candidate")), bool(file.get("external"))
        if file.get("digest"):
            return FileRef(path, file["digest"], file.get("bytes"), external=external, candidate=candidate)
        if external:
            return self._digested(Path(path), path, external=True, candidate=candidate)
        if path in written or (self._is_changed(path) and self._around.is_later(path)):
            return self._before(path, candidate)
        return self._digested(self._project.path / path, path, candidate=candidate)

    def _is_changed(self, path: str) -> bool:
        """Return whether a file may have been touched since the action ended."""
        touched = present.touched(self._project.path, path)
        return touched is not None and touched > float(self._entry["ended"]) - _TICK_SECONDS

    def _before(self, path: str, candidate: bool) -> FileRef:
        """Return a file as it was before the action."""
        entry = self._around.find_before(path)
        if entry is None or entry.mode not in worktree.FILE_MODES:
            return FileRef(path, candidate=candidate)
        data = self._repository.blob(entry.oid)
        return FileRef(path, hashlib.sha256(data).hexdigest(), len(data), candidate=candidate)

    def _digested(
        self, whole: Path, path: str, *, external: bool = False, held: bool = True, candidate: bool = False
    ) -> FileRef:
        if self._is_elsewhere and (external or not present.is_plain_path(path)):
            # What lies outside of the project there is not what lies there on this machine.
            return FileRef(path, external=external, held=held, candidate=candidate)
        try:
            found = self._digests.digest_of(whole, within=self._project.path if self._is_elsewhere else None)
        except (OSError, ValueError):
            return FileRef(path, external=external, held=held, candidate=candidate)
        return FileRef(path, found.sha256, found.bytes, external=external, held=held, candidate=candidate)
