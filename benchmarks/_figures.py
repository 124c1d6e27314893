"""What every benchmark ends with: a table of figures beside their goals, and whether all were reached."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value; without a goal it is there to compare with."""

    name: str
    value: float
    unit: str = "ms"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_reached(self) -> bool:
        """Whether the goal, if there is one, was reached."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


def show(figures: Sequence[Figure]) -> int:
    """Print the table; return the exit code: 1 when a goal was missed."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        verdict = "" if not figure.goal else "reached" if figure.is_reached else "MISSED"
        print(
            f"{figure.name:<{width}}  {figure.value:>10,.2f} {figure.unit:<10} {figure.goal:<8} {verdict}".rstrip(),
            flush=True,
        )
    return 0 if all(figure.is_reached for figure in figures) else 1


def median_ms(work: Callable[[], object], *, rounds: int = 15) -> float:
    """Return the median of how long something takes, in milliseconds, after one round that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)
