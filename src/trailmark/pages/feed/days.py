"""Days and folds from steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from itertools import groupby

from trailmark.activity.index import Row
from trailmark.pages.feed.filters import Filters
from trailmark.pages.feed.model import Day, Feed, Fold, Step
from trailmark.pages.feed.step import build_step, gist
from trailmark.pages.links import Links
from trailmark.pages.wording import day_name, day_of

FOLD_FROM = 4
_GIST = 3


def build_feed(
    rows: Sequence[Row],
    *,
    links: Links,
    now: float,
    zone: tzinfo | None = None,
    filters: Filters | None = None,
    more: bool = False,
    reading_before: str | None = None,
    after_day: str | None = None,
    me: str | None = None,
) -> Feed:
    """Return a page of the trail from rows, newest first; `more` says that older rows follow them.

    `reading_before` is given while older rows are still being read in: the id that these rows come before,
    empty for the first page. `after_day` is the key of the day that the page before ended with. Nothing is
    folded while somebody looks for something.
    """
    wanted = filters or Filters()
    steps = [build_step(row, links, me=me) for row in rows]
    days = tuple(
        _day(key, list(group), now=now, zone=zone, folding=not wanted.active, after_day=after_day)
        for key, group in groupby(steps, key=lambda step: day_of(step.at, zone).isoformat())
    )
    is_reading = reading_before is not None and not more
    last = {"before": steps[-1].id if steps else reading_before} if (steps and more) or is_reading else None
    query = wanted.query()
    return Feed(
        days=days,
        older=links.activity({**query, **last}, part="days", day=days[-1].key if days else after_day)
        if last
        else None,
        older_plain=links.activity({**query, **last}) if last else None,
        newer=None if query.get("until") else links.activity(query, part="days"),
        newest=steps[0].id if steps else None,
        filtered=wanted.active,
        reading=is_reading,
    )


def _day(
    key: str, steps: list[Step], *, now: float, zone: tzinfo | None, folding: bool, after_day: str | None
) -> Day:
    day = day_of(steps[0].at, zone)
    return Day(
        key=key,
        name=day_name(day, day_of(now, zone)),
        date=f"{day:%A}, {day.day} {day:%B %Y}",
        items=fold(steps) if folding else tuple(steps),
        continued=key == after_day,
    )


def fold(steps: Sequence[Step]) -> tuple[Step | Fold, ...]:
    """Return the steps with every run of quiet ones of the same source, when it is long enough, as one fold."""
    items: list[Step | Fold] = []
    for (quiet, _), group in groupby(steps, key=lambda step: (step.quiet, step.place)):
        run = tuple(group)
        if quiet and len(run) >= FOLD_FROM:
            source = next((step.source for step in run if step.source), None)
            items.append(Fold(f"fold-{run[-1].id}", run, source, tuple(gist(step) for step in run[:_GIST])))
        else:
            items.extend(run)
    return tuple(items)
