from datetime import UTC, datetime, timedelta, timezone

import pytest

from trailmark.activity.query import Filter, parse_time, parse_until
from trailmark.errors import InvalidInput

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC).timestamp()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("today", at("2026-11-23")),
        ("Yesterday", at("2026-11-22")),
        ("monday", at("2026-11-23")),
        ("sunday", at("2026-11-22")),
        ("7d", NOW - 7 * 86400),
        ("36h", NOW - 36 * 3600),
        ("15min ago", NOW - 900),
        ("90 s", NOW - 90),
        ("2w", NOW - 14 * 86400),
        ("2026-11-20", at("2026-11-20")),
        ("2026-11-20 14:30", at("2026-11-20T14:30")),
        ("2026-11-20T14:30:00+02:00", at("2026-11-20T12:30")),
    ],
)
def test_times_as_people_write_them(text: str, expected: float) -> None:
    assert parse_time(text, now=NOW, zone=UTC) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "-3d", "99999999999d", "d", "0000-00-00", "1e9"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no time"):
        parse_time(text, now=NOW, zone=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20", at("2026-11-21")),
        ("yesterday", at("2026-11-23")),
        ("2026-11-20 00:00", at("2026-11-20")),
        ("7d", NOW - 7 * 86400),
        ("now", NOW),
    ],
)
def test_a_day_as_an_end_means_its_end(text: str, expected: float) -> None:
    assert parse_until(text, now=NOW, zone=UTC) == expected


def test_days_begin_where_the_person_is() -> None:
    assert parse_time("today", now=NOW, zone=timezone(timedelta(hours=2))) == at("2026-11-22T22:00")


def test_a_filter_knows_when_it_asks_for_nothing() -> None:
    assert Filter().is_empty
    assert not Filter(kind="note").is_empty
