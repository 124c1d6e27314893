"""The trail of a project as the pages ask for it: an index that is up to date, and what there is to choose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trailmark.activity.index import Facets, Index
from trailmark.activity.query import Filter
from trailmark.pages.feed import Choices, Filters
from trailmark.projects.project import Project


@contextmanager
def fresh_index(project: Project) -> Iterator[Index]:
    """Open a project's index, with everything in it that git has."""
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        yield index


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
