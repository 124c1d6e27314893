"""Which environments the projects of this machine name now: in their files, or at the tip of any branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trailmark.environments.whole.model import WholeLock
from trailmark.errors import TrailmarkError
from trailmark.git import Oid, Repository
from trailmark.projects.environment import current_lock
from trailmark.projects.environment_at import lock_of, texts_of
from trailmark.projects.listing import iter_project_paths
from trailmark.projects.manifest import FILE_NAME, parse_manifest
from trailmark.projects.project import is_project, open_project
from trailmark.projects.state import place_of
from trailmark.settings import Settings

_BRANCHES = "refs/heads/"


@dataclass(frozen=True)
class Named:
    """Digests: of whole locks, by which images are found, and of Python's packages, by which environments are.

    `unread` says what could not be read: what that names is not known.
    """

    wholes: frozenset[str]
    environments: frozenset[str]
    unread: tuple[str, ...] = ()


def named_environments(settings: Settings) -> Named:
    """Look through all projects that are known here, wherever they lie, and all of their branches."""
    wholes, environments, unread = set(), set(), []
    for path in sorted(_places(settings)):
        for read in _readers(path, settings):
            try:
                lock = read()
            except TrailmarkError as error:
                unread.append(f"{path}: {error}")
                continue
            if lock is not None:
                wholes.add(lock.digest)
                environments.add(lock.pip.digest)
    return Named(frozenset(wholes), frozenset(environments), tuple(unread))


def _places(settings: Settings) -> set[Path]:
    """Return where projects lie: those of the projects folder, and others that were worked in."""
    states = (settings.home / "state").glob("*")
    others = {place for place in map(place_of, states) if place is not None and is_project(place)}
    return others | set(iter_project_paths(settings))


def _readers(path: Path, settings: Settings) -> Iterator[Callable[[], WholeLock | None]]:
    """Yield what reads each lock of a project: that of its files, and one for each tip."""
    yield lambda: current_lock(open_project(path, settings))
    try:
        repository = Repository.open(path)
        tips = sorted(set(repository.refs(_BRANCHES).values()))
    except TrailmarkError:
        return
    yield from (partial(_lock_at, repository, tip) for tip in tips)


def _lock_at(repository: Repository, tip: Oid) -> WholeLock | None:
    texts = texts_of(repository, repository.tree_of(tip))
    return lock_of(parse_manifest(texts.get(FILE_NAME, ""), default_name="project"), texts)
