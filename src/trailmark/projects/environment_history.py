"""How a project's environment came to be: each change with its record and what it changed, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.environments.whole.resolve import Managers
from trailmark.git import Oid, Repository
from trailmark.projects.environment_at import ENVIRONMENT, EnvironmentAt, Environments
from trailmark.projects.environment_difference import EnvironmentDifference, difference_of
from trailmark.projects.manifest import FILE_NAME
from trailmark.projects.project import Project

_AT_ONCE = 200
OUTSIDE_TITLE = "Changed outside of Trailmark"


@dataclass(frozen=True)
class EnvironmentChange:
    """One change. `id` names the record, or the commit where plain git made it (then `row` is None).

    `is_current` says that the project has this very environment now.
    """

    id: str
    row: Row | None
    title: str
    at: float
    after: EnvironmentAt
    difference: EnvironmentDifference
    is_current: bool


@dataclass(frozen=True)
class EnvironmentHistory:
    """Some changes, the newest first; `older` is the record behind which more may be found, None at the end."""

    changes: tuple[EnvironmentChange, ...]
    older: str | None


@dataclass(frozen=True)
class _Step:
    """A record that may have changed the environment, its commit, and the one before."""

    row: Row
    commit: Oid
    parent: Oid | None


def environment_history(
    project: Project, index: Index, managers: Managers, *, before: str | None = None, limit: int = 20
) -> EnvironmentHistory:
    """Return the changes on the current branch, older than the record `before`. Raises NotFound for one that is none.

    What plain git changed between two records is one change of its own.
    """
    repository = project.repository
    environments = Environments(repository, managers)
    now = environments.at(repository.head())
    changes: list[EnvironmentChange] = []
    steps = _steps(repository, environments, _candidates(repository, index, before))
    following: _Step | None = None
    for step in steps:
        if following is not None:
            changes += _outside(environments, following, step.commit, now)
        if len(changes) >= limit:
            return EnvironmentHistory(tuple(changes), following.row.id if following else None)
        changes += _change(environments, step, now)
        following = step
    if following is not None:
        changes += _outside(environments, following, None, now)
    return EnvironmentHistory(tuple(changes), None)


def _candidates(repository: Repository, index: Index, before: str | None) -> Iterator[Row]:
    """Yield the records on the current branch that touched what describes the environment, the newest first."""
    branch = repository.branch() or "HEAD"
    while True:
        found: dict[int, Row] = {}
        pages = [
            index.page(Filter(file=file, branch=branch), before=before, limit=_AT_ONCE)
            for file in (FILE_NAME, f"{ENVIRONMENT}/")
        ]
        # Behind the end of the shorter page, the other one may still have some: the next turn brings them.
        full = [page[-1].place for page in pages if len(page) == _AT_ONCE]
        for row in (row for page in pages for row in page):
            if not full or row.place >= max(full):
                found[row.place] = row
        yield from (found[place] for place in sorted(found, reverse=True))
        if not full:
            return
        before = found[min(found)].id


def _steps(repository: Repository, environments: Environments, rows: Iterable[Row]) -> Iterator[_Step]:
    """Yield those that changed it, judged by their commits."""
    for row in rows:
        if row.commit is None or not repository.has(Oid(row.commit)):
            continue
        commit = repository.commit(Oid(row.commit))
        parent = commit.parents[0] if commit.parents else None
        before, after = environments.place(repository.tree_of(parent)), environments.place(commit.tree)
        if before != after:
            yield _Step(row, commit.oid, parent)


def _change(environments: Environments, step: _Step, now: EnvironmentAt) -> Iterator[EnvironmentChange]:
    before, after = environments.at(step.parent), environments.at(step.commit)
    if before != after:
        row = step.row
        difference = difference_of(before, after)
        yield EnvironmentChange(row.id, row, row.title, row.started, after, difference, after == now)


def _outside(
    environments: Environments, following: _Step, earlier: Oid | None, now: EnvironmentAt
) -> Iterator[EnvironmentChange]:
    """Yield what changed between two records, if anything: plain git did that."""
    before = environments.at(earlier)
    after = environments.at(following.parent)
    if following.parent is not None and before != after:
        difference = difference_of(before, after)
        at = environments.time_of(following.parent)
        yield EnvironmentChange(following.parent, None, OUTSIDE_TITLE, at, after, difference, after == now)
