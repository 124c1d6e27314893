"""What a project's environment was at a commit: what was asked for, and what was resolved, as small facts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.bases.read import parse_base
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest, parse_lock, parse_requirement
from trailmark.environments.snippets import Snippet, name_of_path, parse_snippet
from trailmark.environments.whole.asked import parse_asked
from trailmark.environments.whole.join import joined
from trailmark.environments.whole.model import LOCK_FILES, OTHERS, LockFile, WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Managers
from trailmark.errors import Damaged, InvalidInput, TrailmarkError
from trailmark.git import FOLDER, Oid, Repository
from trailmark.git.worktree import FILE_MODES
from trailmark.projects.environment import ASKED_PATH, LOCK_PATH
from trailmark.projects.manifest import FILE_NAME, Manifest, parse_manifest
from trailmark.projects.manifest_environment import Resources, written_size
from trailmark.projects.new import BASE_PATH

ENVIRONMENT = "environment"
Name = tuple[str, str]
Place = tuple[Oid | None, Oid | None]
_LARGEST = 20_000_000
_MOST_KEPT = 300


@dataclass(frozen=True)
class EnvironmentAt:
    """The facts of an environment. Packages are named by their manager and their name.

    `asked` holds each requirement as it was written, `versions` all that was resolved. `digest` is that of the
    lock, None when nothing was locked; `problem` says why a part of it cannot be read.
    """

    python: str | None = None
    base: str | None = None
    asked: Mapping[Name, str] = field(default_factory=dict, hash=False)
    versions: Mapping[Name, str] = field(default_factory=dict, hash=False)
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    snippets: Mapping[str, str] = field(default_factory=dict, hash=False)
    digest: str | None = None
    problem: str | None = None


NOTHING = EnvironmentAt()


class Environments:
    """The environments at the commits of one repository; what was read once is kept, for git never alters it."""

    _kept: ClassVar[dict[tuple[Place, frozenset[str]], EnvironmentAt]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, repository: Repository, managers: Managers) -> None:
        self._repository = repository
        self._managers = managers

    def at(self, commit: Oid | None) -> EnvironmentAt:
        """Return the environment at a commit; nothing for None."""
        tree = self._repository.tree_of(commit)
        place = self.place(tree)
        if place == (None, None):
            return NOTHING
        key = (place, frozenset(self._managers))
        found = self._kept.get(key)
        if found is None:
            found = self._read(tree)
            with self._lock:
                while len(self._kept) >= _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = found
        return found

    def place(self, tree: Oid | None) -> Place:
        """Return the objects that hold the environment of a tree: while they are the same, so is it."""
        found = (self._repository.find_entry(tree, path) for path in (ENVIRONMENT, FILE_NAME))
        folder, manifest = (entry.oid if entry else None for entry in found)
        return folder, manifest

    def time_of(self, commit: Oid) -> float:
        """Return when a commit was made."""
        return float(self._repository.commit(commit).time)

    def _read(self, tree: Oid | None) -> EnvironmentAt:
        texts = texts_of(self._repository, tree)
        try:
            manifest = parse_manifest(texts.get(FILE_NAME, ""), default_name="project")
            request = request_of(manifest, texts)
            lock = lock_of(manifest, texts)
            return _facts(manifest, request, lock, self._managers)
        except TrailmarkError as error:
            return EnvironmentAt(problem=str(error))


def texts_of(repository: Repository, tree: Oid | None) -> dict[str, str]:
    """Return the texts by which an environment is described in a tree, by their paths."""
    entries = [(FILE_NAME, repository.find_entry(tree, FILE_NAME))]
    folder = repository.find_entry(tree, ENVIRONMENT)
    if folder is not None and folder.mode == FOLDER:
        entries += repository.iter_files(folder.oid, f"{ENVIRONMENT}/")
    return {
        path: repository.blob(entry.oid).decode("utf-8", "replace")
        for path, entry in entries
        if entry is not None and entry.mode in FILE_MODES and repository.blob_size(entry.oid) <= _LARGEST
    }


def request_of(manifest: Manifest, texts: Mapping[str, str]) -> WholeRequest:
    """Return what was asked for. Raises InvalidInput, Damaged."""
    base = _base(texts)
    return WholeRequest(
        EnvironmentRequest(python=manifest.python, packages=manifest.packages),
        manifest.others,
        base if base is not None and base.id == manifest.base else None,
        _snippets(texts),
    )


def lock_of(manifest: Manifest, texts: Mapping[str, str]) -> WholeLock | None:
    """Return the lock, None when there was none. Raises InvalidInput, Damaged."""
    text = texts.get(LOCK_PATH)
    if text is None:
        return None
    paths = {name: f"{ENVIRONMENT}/{LOCK_FILES[name]}" for name in OTHERS}
    others = {name: LockFile(name, texts[path]) for name, path in paths.items() if path in texts}
    asked = parse_asked(texts[ASKED_PATH]) if ASKED_PATH in texts else None
    python = asked.python if asked else manifest.python
    return WholeLock(parse_lock(text, python), python, others, _base(texts), _snippets(texts), asked)


def _base(texts: Mapping[str, str]) -> Base | None:
    text = texts.get(BASE_PATH)
    try:
        return parse_base(text, BASE_PATH) if text is not None else None
    except InvalidInput as error:
        raise Damaged(str(error)) from error


def _snippets(texts: Mapping[str, str]) -> tuple[Snippet, ...]:
    named = ((name_of_path(path), text) for path, text in sorted(texts.items()))
    return tuple(parse_snippet(name, text) for name, text in named if name is not None)


def _facts(
    manifest: Manifest, request: WholeRequest, lock: WholeLock | None, managers: Managers
) -> EnvironmentAt:
    base = request.base
    return EnvironmentAt(
        python=manifest.python,
        base=f"{base.title}, revision {base.revision}" if base else manifest.base,
        asked=_asked(request, managers),
        versions=_versions(lock, managers) if lock else {},
        settings={**_sources(manifest.others), **_limits(manifest.resources)},
        snippets={one.name: one.text for one in request.all_snippets},
        digest=lock.digest if lock else None,
    )


def _asked(request: WholeRequest, managers: Managers) -> dict[Name, str]:
    pip, others = joined(request)
    asked: dict[Name, str] = {
        ("pip", canonicalize_name(parse_requirement(text).name)): text for text in pip.packages
    }
    for manager, wanted in others.items():
        name_of = managers[manager].name_of if manager in managers else str
        asked |= {(manager, name_of(text)): text for text in wanted.requirements}
    return asked


def _versions(lock: WholeLock, managers: Managers) -> dict[Name, str]:
    found: dict[Name, str] = {
        ("pip", canonicalize_name(one.name)): one.version or "" for one in lock.packages
    }
    for manager, file in lock.others.items():
        if manager in managers:
            items = managers[manager].parse(file.text).items
            found |= {(manager, item.name): item.version or "" for item in items}
    return found


def _sources(others: Mapping[str, Wanted]) -> dict[str, str]:
    found = {}
    for manager, wanted in others.items():
        if wanted.channels:
            found[f"{manager}: where from"] = ", ".join(wanted.channels)
        if wanted.snapshot:
            found[f"{manager}: as of"] = wanted.snapshot
    return found


def _limits(resources: Resources) -> dict[str, str]:
    found = {
        "Processors": f"{resources.cpus:g}" if resources.cpus else None,
        "Memory": written_size(resources.memory_bytes),
        "Shared memory": written_size(resources.shared_memory_bytes),
        "GPU": "needed" if resources.gpu else None,
    }
    return {name: text for name, text in found.items() if text}
