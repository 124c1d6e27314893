"""What a record does not know itself: its commit, its neighbours, and who refers to it."""

from __future__ import annotations

from trailmark.activity import StoredRecord, read_output
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.errors import NotFound
from trailmark.pages.readme import plain_title
from trailmark.pages.record import Neighbour, Surroundings, WrittenNote, wanted_outputs
from trailmark.projects.branches_of import branches_of
from trailmark.projects.project import Project

_LOOKED_AT = 200
_SHOWN = 20


def surroundings_of(project: Project, index: Index, stored: StoredRecord) -> Surroundings:
    """Return what stands around a record."""
    record, row = stored.record, index.row(stored.record.id)
    older, newer = index.page(before=record.id, limit=1), index.following(record.id)
    return Surroundings(
        commit=row.commit,
        branches=branches_of(project.repository, index, [row])[row.id],
        newer=_neighbour(newer[0]) if newer else None,
        older=_neighbour(older[0]) if older else None,
        continues=_continued(index, record.continues),
        continued_by=_continued_by(index, row),
        notes=tuple(map(_note, index.notes_about(record.id))) if row.notes else (),
        current=row.commit == project.repository.head(),
        contents={
            number: read_output(project.repository, stored.tree, record.outputs[number])
            for number in wanted_outputs(record.outputs)
        },
    )


def _continued(index: Index, record: str | None) -> Neighbour | None:
    try:
        return _neighbour(index.row(record)) if record else None
    except NotFound:
        return None


def _continued_by(index: Index, row: Row) -> tuple[Neighbour, ...]:
    """Return the records of the same session, not long after, that belong to this one."""
    if row.session is None or row.kind != "cell":
        return ()
    later = index.following(row.id, Filter(session=row.session), limit=_LOOKED_AT)
    return tuple(_neighbour(other) for other in later if other.continues == row.id)[:_SHOWN]


def _note(row: Row) -> WrittenNote:
    return WrittenNote(row.id, row.text or row.title, row.author, row.actor, row.started)


def _neighbour(row: Row) -> Neighbour:
    return Neighbour(row.id, plain_title(row.title, row.kind))
