"""One row of the feed."""

from __future__ import annotations

from dataclasses import dataclass

from trailmark.activity.model import Record

OUTSIDE = "outside"
MISSING = "missing"


@dataclass(frozen=True)
class Row(Record):
    """A record's facts and where it lies. `code`, `text` and `error` are excerpts; of the error, its end.

    Of a row of kind `outside` or `missing` the id is the commit's. `place` orders the feed, newest greatest.
    `notes` is how many notes are about this record.
    """

    place: int = 0
    commit: str | None = None
    tree: str | None = None
    device: str | None = None
    code: str | None = None
    text: str | None = None
    error: str | None = None
    notes: int = 0

    @property
    def is_record(self) -> bool:
        """Whether the trail has a record of it."""
        return self.kind not in (OUTSIDE, MISSING)
