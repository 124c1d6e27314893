"""Choose versions that existed at a moment, and later ones only where this Python can have no older."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

from trailmark.environments.interpreter import Interpreter
from trailmark.environments.managers.model import go_on
from trailmark.environments.period.index import DatedIndex, Solved
from trailmark.environments.period.model import PackageChoice, State, Want
from trailmark.environments.period.reasons import of_resolver
from trailmark.progress import Progress

_MOST_LATER = 6
_AT_ONCE = 3


@dataclass(frozen=True)
class Chosen:
    """What one Python can have of what is wanted. `missed` names those whose limits no version here meets."""

    python: Interpreter
    packages: tuple[PackageChoice, ...]
    pins: dict[str, str]
    until: date | None
    missed: frozenset[str] = frozenset()

    @property
    def score(self) -> tuple[int, int]:
        """How good it is: packages that can be installed, less those too new for the code."""
        return sum(one.is_resolved for one in self.packages) - len(self.missed), -len(self.missed)


def choose(
    wants: Sequence[Want],
    python: Interpreter,
    days: Sequence[date | None],
    index: DatedIndex,
    progress: Progress,
) -> Chosen:
    """Return what that Python can have: each package as of the first of `days` on which there is any.

    Raises Cancelled soon after `progress` says so.
    """
    progress.step(f"Looking for {len(wants)} packages for Python {python.minor}")

    def look(want: Want) -> tuple[PackageChoice, bool]:
        go_on(progress)
        return _single(want, python, days, index)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(look, wants))
    go_on(progress)
    missed = frozenset(want.name for want, (_, met) in zip(wants, found, strict=True) if not met)
    singles = [
        (replace(want, limits=() if want.name in missed else want.limits), single)
        for want, (single, _) in zip(wants, found, strict=True)
    ]
    progress.step(f"Fitting {len(wants)} packages together")
    return replace(_together(singles, python, days, index), missed=missed)


def can_do_better(
    wants: Sequence[Want], than: Chosen, python: Interpreter, days: Sequence[date | None], index: DatedIndex
) -> bool:
    """Whether another Python can have something that the one chosen before could not."""
    lacking = {one.name for one in than.packages if one.state in ("source", "conflict")} | than.missed
    for want in wants:
        if want.name in lacking:
            single, met = _single(want, python, days, index)
            if met and single.is_resolved:
                return True
    return False


def _single(
    want: Want, python: Interpreter, days: Sequence[date | None], index: DatedIndex
) -> tuple[PackageChoice, bool]:
    """Return the choice for one package by itself, and whether the limits of its imports are met."""
    for text in dict.fromkeys((want.limited, want.requirement)):
        choice = _ready(want.name, text, python, days, index)
        if choice is not None:
            return choice, text == want.limited
    for day in (days[0], days[-1]):
        solved = index.newest_source(want.requirement, python, day)
        if solved.ok:
            reason, advice = of_resolver(want.name, "no usable wheels", python.minor)
            version = solved.pins.get(want.name)
            return PackageChoice(want.name, "source", version, day, reason, advice), not want.limits
    reason, advice = of_resolver(want.name, solved.reason, python.minor)
    return PackageChoice(want.name, "absent", None, None, reason, advice), not want.limits


def _ready(
    name: str, text: str, python: Interpreter, days: Sequence[date | None], index: DatedIndex
) -> PackageChoice | None:
    """Return a package as old as it can be, with what it needs as soon as that can be had; None when it never can."""
    alone = _first(days, lambda day: index.newest_ready(text, python, day))
    if alone is not None:
        day, version = alone[0], alone[1].pins.get(name)
        exact, later = f"{name}=={version}", days[days.index(day) :]
        whole = _first(later, lambda day: index.solve([exact], python, day, today=days[-1]))
        if whole is not None:
            return PackageChoice(name, _state(day, days), version, whole[0])
    whole = _first(days, lambda day: index.solve([text], python, day, today=days[-1]))
    if whole is None:
        return None
    return PackageChoice(name, _state(whole[0], days), whole[1].pins.get(name), whole[0])


def _state(day: date | None, days: Sequence[date | None]) -> State:
    return "undated" if day is None else "dated" if day == days[0] else "later"


def _first(
    days: Sequence[date | None], solve: Callable[[date | None], Solved]
) -> tuple[date | None, Solved] | None:
    """Return the first day on which there is a solution, found by halving, and the versions of that day."""
    at_begin = solve(days[0])
    if at_begin.ok:
        return days[0], at_begin
    low, high = 0, len(days) - 1
    best = solve(days[high])
    if not best.ok:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        solved = solve(days[middle])
        if solved.ok:
            high, best = middle, solved
        else:
            low = middle
    return days[high], best


def _together(
    singles: Sequence[tuple[Want, PackageChoice]],
    python: Interpreter,
    days: Sequence[date | None],
    index: DatedIndex,
) -> Chosen:
    """Fit the packages together: as found alone, else freely up to the latest day among them, else later."""
    usable = [(want, one) for want, one in singles if one.is_resolved]
    if not usable:
        return Chosen(python, tuple(one for _, one in singles), {}, days[0])
    begin = max(days.index(one.day) for _, one in usable)
    later = days[begin + 1 :]
    for day in (days[begin], *later[:: max(len(later) // _MOST_LATER, 1)]):
        solved = _held_back(usable, day, days[-1], python, index)
        if solved is not None:
            return _chosen(singles, solved, day, python)
    return _as_many_as_fit(singles, usable, days[begin], python, index)


def _held_back(
    usable: Sequence[tuple[Want, PackageChoice]],
    day: date | None,
    today: date | None,
    python: Interpreter,
    index: DatedIndex,
) -> Solved | None:
    """Return versions that fit together on a day, as many as possible of them those that were found alone."""
    pinned = [f"{one.name}=={one.version}" for _, one in usable]
    best = index.solve(pinned, python, day, today=today)
    if best.ok:
        return best
    texts = [want.limited for want, _ in usable]
    best = index.solve(texts, python, day, today=today)
    if not best.ok:
        return None
    newest_first = sorted(range(len(usable)), key=lambda n: usable[n][1].day or date.min, reverse=True)
    for number in newest_first:
        trial = [*texts[:number], pinned[number], *texts[number + 1 :]]
        solved = index.solve(trial, python, day, today=today)
        if solved.ok:
            texts, best = trial, solved
    return best


def _as_many_as_fit(
    singles: Sequence[tuple[Want, PackageChoice]],
    usable: Sequence[tuple[Want, PackageChoice]],
    day: date | None,
    python: Interpreter,
    index: DatedIndex,
) -> Chosen:
    """Take one package after another, and leave out those that do not fit what is there already."""
    taken: list[str] = []
    best = Solved({})
    refused: dict[str, str] = {}
    for want, one in usable:
        solved = index.solve([*taken, want.limited], python, day)
        if solved.ok:
            taken.append(want.limited)
            best = solved
        else:
            refused[one.name] = solved.reason
    kept = [
        (want, _conflict(one, refused[one.name], python) if one.name in refused else one)
        for want, one in singles
    ]
    return _chosen(kept, best, day, python)


def _conflict(one: PackageChoice, reason: str, python: Interpreter) -> PackageChoice:
    why, advice = of_resolver(one.name, reason, python.minor)
    return PackageChoice(one.name, "conflict", None, None, why, advice)


def _chosen(
    singles: Sequence[tuple[Want, PackageChoice]], solved: Solved, day: date | None, python: Interpreter
) -> Chosen:
    packages = tuple(_fitted(want, one, solved, day) for want, one in singles)
    return Chosen(python, packages, solved.pins, day)


def _fitted(want: Want, one: PackageChoice, solved: Solved, day: date | None) -> PackageChoice:
    """Return a choice as it is among the others: the same version, or one of a later day."""
    version = solved.pins.get(one.name, one.version)
    if not one.is_resolved or version == one.version:
        return replace(one, asked=want.limited)
    state: State = "later" if one.state == "dated" else one.state
    return replace(one, asked=want.limited, version=version, day=day, state=state)
