"""What a record does not know itself: its commit, its neighbours, and who refers to it."""

from __future__ import annotations

from trailmark.activity import StoredRecord, read_output
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.pages.record import Neighbour, Surroundings, WrittenNote, wanted_outputs
from trailmark.projects.project import Project

_MOST_NOTES = 100
_MOST_CONTINUED = 20


def surroundings_of(project: Project, index: Index, stored: StoredRecord) -> Surroundings:
    """Return what stands around a record."""
    record, row = stored.record, index.row(stored.record.id)
    older = index.page(before=record.id, limit=1)
    return Surroundings(
        commit=row.commit,
        branch=None,
        newer=_newer(index, record.id),
        older=_neighbour(older[0]) if older else None,
        continues=_neighbour(index.row(record.continues)) if record.continues else None,
        continued_by=(),
        notes=_notes(index, record.id) if row.notes else (),
        current=row.commit == project.repository.head(),
        contents={
            number: read_output(project.repository, stored.tree, record.outputs[number])
            for number in wanted_outputs(record.outputs)
        },
    )


def _newer(index: Index, record: str) -> Neighbour | None:
    return None


def _notes(index: Index, record: str) -> tuple[WrittenNote, ...]:
    rows = index.page(Filter(kind="note"), after=record, limit=_MOST_NOTES)
    about = [row for row in rows if row.detail.get("about") == record]
    return tuple(
        WrittenNote(row.id, row.text or row.title, row.author, row.actor, row.started)
        for row in reversed(about)
    )


def _neighbour(row: Row) -> Neighbour:
    return Neighbour(row.id, row.title)
