from datetime import UTC, date, timedelta, timezone

import pytest

from trailmark.pages import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (44, "just now"),
        (60, "1 min ago"),
        (3599, "60 min ago"),
        (3600, "1 hour ago"),
        (2 * 3600 + 10, "2 hours ago"),
        (25 * 3600, "yesterday"),
        (5 * 86400, "5 days ago"),
        (-30, "just now"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert wording.ago(1_000_000 - seconds, 1_000_000) == words


def test_long_ago_is_a_date() -> None:
    assert wording.ago(0, 100 * 86400) == "1 Jan 1970"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.012, "12 ms"),
        (0.9999, "1.0 s"),
        (1.42, "1.4 s"),
        (9.97, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (12000, "3 h 20 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_how_long(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (13_478, "13 kB"),
        (230_000_000, "230 MB"),
        (4_200_000_000_000_000, "4,200 TB"),
    ],
)
def test_how_large(size: int | None, words: str) -> None:
    assert wording.filesize(size) == words


def test_numbers_with_their_nouns() -> None:
    assert wording.count(1, "record") == "1 record"
    assert wording.count(1200, "record") == "1,200 records"
    assert wording.count(2, "entry", "entries") == "2 entries"


def test_days_have_names_near_by_and_dates_far_away() -> None:
    today = date(2026, 11, 23)
    assert wording.day_name(today, today) == "Today"
    assert wording.day_name(date(2026, 11, 22), today) == "Yesterday"
    assert wording.day_name(date(2026, 11, 20), today) == "Friday"
    assert wording.day_name(date(2026, 11, 12), today) == "12 November"
    assert wording.day_name(date(2025, 11, 12), today) == "12 November 2025"
    assert wording.day_name(date(2026, 11, 24), today) == "24 November"


def test_a_day_depends_on_where_one_is() -> None:
    at = 1795435200.0 - 12.5 * 3600
    east = timezone(timedelta(hours=2))
    assert wording.day_of(at, UTC).isoformat() == "2026-11-22"
    assert wording.day_of(at, east).isoformat() == "2026-11-23"
    assert wording.clock_time(at, east) == "01:30"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ada", "A"), ("Mary-Ann von Hut", "MH"), ("", "?"), ("– –", "?"), ("Zoë", "Z")],
)
def test_initials(name: str, letters: str) -> None:
    assert wording.initials(name) == letters


def test_a_name_keeps_its_colour() -> None:
    assert wording.hue("Ada") == wording.hue("Ada")
    assert 0 <= wording.hue("\ud800") < 6


def test_shorten_says_that_something_is_missing() -> None:
    assert wording.shorten("abcdef", 6) == "abcdef"
    assert wording.shorten("abc def", 5) == "abc…"
