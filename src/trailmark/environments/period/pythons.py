"""Which Python belongs to a time: pure, from the days on which its versions were published."""

from collections.abc import Iterable
from datetime import date, timedelta

# The first release of each version that Trailmark can make an environment with, or that code may be written for.
RELEASED: dict[tuple[int, int], date] = {
    (3, 4): date(2014, 3, 16),
    (3, 5): date(2015, 9, 13),
    (3, 6): date(2016, 12, 23),
    (3, 7): date(2018, 6, 27),
    (3, 8): date(2019, 10, 14),
    (3, 9): date(2020, 10, 5),
    (3, 10): date(2021, 10, 4),
    (3, 11): date(2022, 10, 24),
    (3, 12): date(2023, 10, 2),
    (3, 13): date(2024, 10, 7),
    (3, 14): date(2025, 10, 7),
}
OLDEST = (3, 6)
# Packages of scientists take about this long until they can be had for a new Python.
_SETTLED = timedelta(days=180)


def python_of(day: date, ran: Iterable[tuple[int, int]] = ()) -> tuple[int, int]:
    """Return the Python that work of that day most likely used: the newest that notebooks ran, or was in use."""
    known = [minor for minor in ran if minor in RELEASED]
    if known:
        return max(known)
    settled = [minor for minor, released in RELEASED.items() if released + _SETTLED <= day]
    return max(settled, default=min(RELEASED))


def order_pythons(wanted: tuple[int, int], there: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the Pythons that are there, the best first: the wanted one, then newer and older ones by closeness."""
    usable = sorted({minor for minor in there if minor >= OLDEST})
    return sorted(usable, key=lambda minor: (abs(minor[1] - wanted[1]), minor < wanted))


def days_to_look(day: date, minor: tuple[int, int], today: date) -> list[date]:
    """Return the days to look up to, in order: the wanted one, then half-yearly from when that Python was there."""
    days = [min(day, today)]
    step = max(day, RELEASED.get(minor, day))
    while step < today:
        step += timedelta(days=91)
        days.append(min(step, today))
    return days
