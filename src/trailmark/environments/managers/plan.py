"""Choose one version of each package so that all needs are met: pure, for indexes without a solver of their own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_MOST_STEPS = 100_000
_MOST_REASONS = 12
_REQUEST = "the request"


@dataclass(frozen=True)
class Need:
    """A package that must be there, in a version that `allows` accepts; `text` is how it was written."""

    name: str
    text: str
    allows: Callable[[str], bool]


@dataclass(frozen=True)
class Candidate:
    """One version of a package that can be had, and what it needs."""

    name: str
    version: str
    needs: tuple[Need, ...] = ()


class NoPlan(Exception):
    """No choice meets all needs; the text says which ones stand in each other's way, `names` what they are about."""

    def __init__(self, message: str, names: frozenset[str]) -> None:
        super().__init__(message)
        self.names = names


@dataclass(frozen=True)
class _State:
    """What was chosen so far, and which needs (each with who has it) were not looked at yet."""

    chosen: dict[str, tuple[Candidate, str]]
    open: tuple[tuple[Need, str], ...]


@dataclass
class _Choice:
    """A package for which one candidate after the other is tried, and which packages it may be because of."""

    name: str
    states: Iterator[_State]
    blamed: set[str]


def plan_versions(
    asked: Sequence[Need],
    candidates: Callable[[str], Sequence[Candidate]],
    *,
    pause: Callable[[], None] = lambda: None,
) -> dict[str, Candidate]:
    """Return a candidate for each package that is asked for or needed; `candidates` gives the best ones first.

    The order of `asked` does not matter. `pause` is called now and then, and may raise to end the work.
    Raises NoPlan.
    """
    ordered = sorted(asked, key=lambda need: (need.name, need.text))
    state: _State | None = _State({}, tuple((need, _REQUEST) for need in ordered))
    choices: list[_Choice] = []
    reasons: dict[str, frozenset[str]] = {}
    for step in range(_MOST_STEPS):
        if step % 100 == 0:
            pause()
        if state is None:
            break
        if not state.open:
            return {name: candidate for name, (candidate, _) in state.chosen.items()}
        (need, by), rest = state.open[0], state.open[1:]
        if need.name not in state.chosen:
            fitting = [one for one in candidates(need.name) if need.allows(one.version)]
            if not fitting:
                reasons[_missing(need, by, candidates(need.name))] = _named(need, by)
            choices.append(_Choice(need.name, _tried(state.chosen, rest, fitting, by), {_name(by)}))
            state = next(choices[-1].states, None) or _back(choices, {_name(by)})
        elif need.allows(state.chosen[need.name][0].version):
            state = _State(state.chosen, rest)
        else:
            reasons[_conflict(need, by, *state.chosen[need.name])] = _named(need, by)
            state = _back(choices, {need.name, _name(by)})
    else:
        reasons = {
            "No fitting versions were found in a reasonable time; ask for fewer exact ones.": frozenset(),
            **reasons,
        }
    raise NoPlan("\n".join(list(reasons)[:_MOST_REASONS]), frozenset().union(*reasons.values()))


def _back(choices: list[_Choice], blamed: set[str]) -> _State | None:
    """Return to the newest choice that can matter for what went wrong, and take its next candidate."""
    while choices:
        choice = choices[-1]
        if choice.name in blamed:
            choice.blamed |= blamed
            state = next(choice.states, None)
            if state is not None:
                return state
            blamed = choice.blamed - {choice.name}
        choices.pop()
    return None


def _tried(
    chosen: dict[str, tuple[Candidate, str]],
    rest: tuple[tuple[Need, str], ...],
    fitting: Sequence[Candidate],
    by: str,
) -> Iterator[_State]:
    for candidate in fitting:
        needs = tuple((need, f"{candidate.name} {candidate.version}") for need in candidate.needs)
        yield _State({**chosen, candidate.name: (candidate, by)}, (*rest, *needs))


def _name(by: str) -> str:
    return by.partition(" ")[0] if by != _REQUEST else ""


def _named(need: Need, by: str) -> frozenset[str]:
    return frozenset({need.name, _name(by)} - {""})


def _missing(need: Need, by: str, candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return f"{by} needs {need.text}, and there is no package of that name."
    versions = ", ".join(one.version for one in candidates[:8])
    return f"{by} needs {need.text}, and there is only {need.name} {versions}."


def _conflict(need: Need, by: str, chosen: Candidate, chosen_by: str) -> str:
    return f"{by} needs {need.text}, but {chosen.name} {chosen.version} is there because of: {chosen_by}."
