"""What is looked for in the trail: filters as a value, and how people write times."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, tzinfo

from trailmark.errors import InvalidInput

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)(?:\s+ago)?")
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Filter:
    """What a record must be to be found; None asks for nothing.

    `file` is a path, a folder, a bare name or a pattern with `*`. `person` is a name. `actor` is `person`,
    `program` for any program, or `program:NAME`. `since` and `until` are moments (seconds since the epoch) of
    the beginning of an action; `until` is not included. `search` is words that must all occur, the last one
    perhaps only begun, and “phrases in quotes”.
    """

    kind: str | None = None
    tool: str | None = None
    notebook: str | None = None
    file: str | None = None
    status: str | None = None
    person: str | None = None
    actor: str | None = None
    since: float | None = None
    until: float | None = None
    branch: str | None = None
    session: str | None = None
    search: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every record is let through."""
        return all(getattr(self, field.name) is None for field in fields(self))


def parse_time(text: str, *, now: float, zone: tzinfo | None = None) -> float:
    """Return the moment that a text means, in seconds since the epoch. Raises InvalidInput.

    Understood: `now`, `today`, `yesterday`, names of days (the last one that began), spans back from now such
    as `90s`, `15min`, `36h`, `7d` and `2w`, and ISO dates and times. A date means its beginning. `zone` is
    where times without one are meant; None is the machine's own.
    """
    wanted = text.strip().lower()
    today = datetime.fromtimestamp(now, zone).date()
    span = _SPAN.fullmatch(wanted)
    if wanted == "now":
        return now
    if span:
        return now - int(span[1]) * _UNITS[span[2]]
    if wanted in ("today", "yesterday"):
        return _start(today - timedelta(days=wanted == "yesterday"), zone)
    if wanted in _DAYS:
        return _start(today - timedelta(days=(today.weekday() - _DAYS.index(wanted)) % 7), zone)
    return _parse_iso(text.strip(), zone)


def parse_until(text: str, *, now: float, zone: tzinfo | None = None) -> float:
    """Return the moment that a text means as an end: as `parse_time`, but a day means its end."""
    start = parse_time(text, now=now, zone=zone)
    moment = datetime.fromtimestamp(start, zone)
    names_a_day = ":" not in text and not _SPAN.fullmatch(text.strip().lower()) and text.strip() != "now"
    if names_a_day and moment.time() == datetime.min.time():
        return _start(moment.date() + timedelta(days=1), zone)
    return start


def _parse_iso(text: str, zone: tzinfo | None) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"“{text}” is no time. Write a date (2026-11-20), a date and time (2026-11-20 14:30), "
            "yesterday, monday, or a span back from now such as 7d, 36h or 15min."
        ) from error


def _start(day: date, zone: tzinfo | None) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
