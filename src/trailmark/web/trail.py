"""The trail of a project as the pages ask for it: an index that is up to date, and what there is to choose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trailmark.activity.index import Facets, Index
from trailmark.activity.query import Filter
from trailmark.errors import NotFound
from trailmark.pages.feed import Choices, Filters
from trailmark.projects.project import Project
from trailmark.web.reading import Reading, index_of, window_of


@contextmanager
def fresh_index(project: Project) -> Iterator[Index]:
    """Open a project's index, with everything in it that git has."""
    with Index.open(index_of(project)) as index:
        index.refresh(project.repository)
        yield index


@dataclass(frozen=True)
class ShownIndex:
    """An index that a page can show at once; unless it `is_whole`, older records are being read in."""

    index: Index
    is_whole: bool


@contextmanager
def shown_index(project: Project, reading: Reading) -> Iterator[ShownIndex]:
    """Open a project's index without waiting for a long trail: then the newest records come from a small one."""
    with Index.open(index_of(project)) as index:
        if not index.is_far_behind(project.repository, reading.newest):
            index.refresh(project.repository)
            yield ShownIndex(index, is_whole=True)
            return
    with Index.open(window_of(project)) as index:
        index.refresh(project.repository, newest=reading.newest)
        reading.begin(project)
        yield ShownIndex(index, is_whole=False)


@contextmanager
def index_with(project: Project, reading: Reading, record: str) -> Iterator[Index]:
    """Open an index that has a record, if any has; for an old one, the whole trail is waited for."""
    with shown_index(project, reading) as shown:
        if shown.is_whole or _is_in(shown.index, record):
            yield shown.index
            return
    with fresh_index(project) as index:
        yield index


def _is_in(index: Index, record: str) -> bool:
    try:
        return bool(index.resolve(record))
    except NotFound:
        return False


def filter_of(filters: Filters) -> Filter:
    """Return what the index is asked for; days become moments in the machine's own time zone."""
    return Filter(
        kind=filters.kind,
        tool=filters.tool,
        notebook=filters.notebook,
        file=filters.file,
        status=filters.status,
        person=filters.person,
        actor=filters.actor,
        since=filters.since_time(),
        until=filters.until_time(),
        branch=filters.branch,
        search=filters.search,
    )


def choices_of(facets: Facets) -> Choices:
    """Return what the filters offer."""
    return Choices(
        kinds=facets.kinds,
        tools=tuple(facets.tools),
        notebooks=tuple(facets.notebooks),
        people=tuple(facets.persons),
        branches=tuple(facets.branches),
    )
