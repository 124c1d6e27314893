"""How pages say times, sizes, numbers and names."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, tzinfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def ago(at: float, now: float) -> str:
    """Say how long ago a moment was: `just now`, `5 min ago`, `yesterday`, `3 Mar 2026`."""
    seconds = now - at
    if seconds < 45:
        return "just now"
    if seconds < HOUR:
        return f"{max(1, round(seconds / MINUTE))} min ago"
    if seconds < DAY:
        return f"{count(int(seconds // HOUR), 'hour')} ago"
    if seconds < 2 * DAY:
        return "yesterday"
    if seconds < 14 * DAY:
        return f"{int(seconds // DAY)} days ago"
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%b %Y}"


def duration(seconds: float) -> str:
    """Say how long something took: `12 ms`, `1.4 s`, `2 min 5 s`, `3 h 20 min`."""
    if seconds < 0.0005:
        return "0 ms"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", "s")
    if whole < DAY:
        return _two(whole // MINUTE, MINUTE, "h", "min")
    return _two(whole // HOUR, 24, "d", "h")


def _two(amount: int, base: int, large: str, small: str) -> str:
    big, rest = divmod(amount, base)
    return f"{big} {large} {rest} {small}" if rest else f"{big} {large}"


def filesize(size: int | None) -> str:
    """Say how large a file is, in steps of 1,000 as file managers do; an unknown size is a dash."""
    if size is None:
        return "–"
    if size < 1000:
        return count(size, "byte")
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5:
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    return f"{amount:,.0f} TB"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return the noun that fits a number: `record` or `records`."""
    return one if number == 1 else (many or one + "s")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 record`, `1,200 records`."""
    return f"{number:,} {plural(number, one, many)}"


def iso(at: float) -> str:
    """Return a moment as a machine reads it, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(at: float, zone: tzinfo | None) -> str:
    """Return a moment in full: `Mon 23 November 2026, 14:03:21`."""
    when = datetime.fromtimestamp(at, zone)
    return f"{when:%a} {when.day} {when:%B %Y, %H:%M:%S}"


def day(at: float, zone: tzinfo | None) -> str:
    """Return the day of a moment: `23 Nov 2026`."""
    when = datetime.fromtimestamp(at, zone)
    return f"{when.day} {when:%b %Y}"


def clock_time(at: float, zone: tzinfo | None) -> str:
    """Return the time of day: `14:03`."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M}"


def day_of(at: float, zone: tzinfo | None) -> date:
    """Return the calendar day of a moment."""
    return datetime.fromtimestamp(at, zone).date()


def day_name(day: date, today: date) -> str:
    """Name a day as people do: Today, Yesterday, a weekday of this week, then the date."""
    days = (today - day).days
    if days == 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    if 1 < days < 7:
        return f"{day:%A}"
    return f"{day.day} {day:%B}" if day.year == today.year else f"{day.day} {day:%B %Y}"


def initials(name: str) -> str:
    """Return one or two letters that stand for a name."""
    words = [word for word in name.replace(".", " ").replace("-", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def hue(name: str) -> int:
    """Return the number (0 to 5) of the colour that stands for a name, always the same."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[0] % 6


def shorten(text: str, length: int) -> str:
    """Cut a text to at most `length` characters, with an ellipsis where something is left out."""
    return text if len(text) <= length else text[: max(0, length - 1)].rstrip() + "…"


def short_digest(digest: str | None) -> str:
    """Return the first ten digits of a digest, as much as a person compares."""
    return (digest or "").removeprefix("sha256:")[:10]
