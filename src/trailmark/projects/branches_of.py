"""On which branches records are, as far as the index tells without reading git's history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.git import BRANCHES, Repository

_ASKED = 20
_PAGE = 200
_NO_FILTER = Filter()


def branches_of(
    repository: Repository, index: Index, rows: Sequence[Row], wanted: Filter = _NO_FILTER
) -> Mapping[str, tuple[str, ...]]:
    """Return for each row's id the branches that hold it, the current one first; nothing for one that has ended.

    `rows` are of one page, newest first, that the filter `wanted` let through. Where there are many branches,
    only the first twenty are asked.
    """
    found: dict[str, tuple[str, ...]] = {row.id: () for row in rows}
    if not rows:
        return found
    newer = index.following(rows[0].id)
    before = newer[0].id if newer else None
    for branch in _names(repository):
        for row in _iter_back(index, replace(wanted, branch=branch), before, rows[-1].place):
            if row.id in found:
                found[row.id] += (branch,)
    return found


def _names(repository: Repository) -> list[str]:
    current = repository.branch()
    names = [ref.removeprefix(BRANCHES) for ref in repository.refs(BRANCHES)]
    return sorted(names, key=lambda name: (name != current, name))[:_ASKED]


def _iter_back(index: Index, wanted: Filter, before: str | None, oldest: int) -> Iterator[Row]:
    """Yield the rows that a filter lets through, from before a record back to the place `oldest`."""
    while True:
        page = index.page(wanted, before=before, limit=_PAGE, with_outside=True)
        for row in page:
            if row.place < oldest:
                return
            yield row
        if len(page) < _PAGE:
            return
        before = page[-1].id
