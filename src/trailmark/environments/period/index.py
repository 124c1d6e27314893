"""The package index as it was: uv's answers to what could be had up to a day, without building anything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trailmark.environments.interpreter import Interpreter
from trailmark.environments.package_index import ask_index
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed, Unavailable

_BEFORE_ALL = date(1991, 2, 20)
_PATIENCE = 180.0
_MOST_EXEMPT = 8
_LACKING = re.compile(r"Wheels are required for `([^`]+)`")


@dataclass(frozen=True)
class Solved:
    """Versions by package when there is a solution, else uv's reason."""

    pins: dict[str, str]
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a solution."""
        return not self.reason


@dataclass(frozen=True)
class DatedIndex:
    """Asks uv, each question once."""

    uv: Uv
    _known: dict[tuple[object, ...], Solved] = field(default_factory=dict, repr=False)

    def solve(
        self, requirements: Sequence[str], python: Interpreter, day: date | None, *, today: date | None = None
    ) -> Solved:
        """Return versions that fit together, published by `day`, all of them ready to install on this machine.

        What only others need, and had no ready version by then, may be as new as of `today`, when that is given.
        """
        asked = {canonicalize_name(Requirement(text).name) for text in requirements}
        exempt: list[str] = []
        while True:
            options = [f"--exclude-newer-package={name}={today}" for name in exempt]
            solved = self._ask(requirements, python, day, ["--no-build", *options])
            lacking = [canonicalize_name(name) for name in _LACKING.findall(solved.reason)]
            more = [name for name in dict.fromkeys(lacking) if name not in asked and name not in exempt]
            if solved.ok or day is None or today is None or not more or len(exempt) > _MOST_EXEMPT:
                return solved
            exempt += more

    def newest_ready(self, requirement: str, python: Interpreter, day: date | None) -> Solved:
        """Return the version that was ready to install by `day`; what it needs is not looked at."""
        return self._ask([requirement], python, day, ["--no-build", "--no-deps"])

    def newest_source(self, requirement: str, python: Interpreter, day: date | None) -> Solved:
        """Return the version that could be had by `day` if it were built; what it needs is not looked at."""
        return self._ask([requirement], python, day, ["--no-deps"])

    def gives_times(self, requirement: str, python: Interpreter, today: date) -> bool:
        """Whether the index says when a version was published. `requirement` is one that it has."""
        if self.newest_source(requirement, python, _BEFORE_ALL).ok:
            return False
        return self.newest_source(requirement, python, today).ok

    def _ask(
        self, requirements: Sequence[str], python: Interpreter, day: date | None, options: Sequence[str]
    ) -> Solved:
        key = (tuple(requirements), python.version, day, tuple(options))
        if key not in self._known:
            dated = ["--exclude-newer", day.isoformat()] if day else []
            self._known[key] = self._compile(requirements, python, [*options, *dated])
        return self._known[key]

    def _compile(self, requirements: Sequence[str], python: Interpreter, options: Sequence[str]) -> Solved:
        try:
            answer = ask_index(requirements, python, self.uv, options, patience=_PATIENCE)
        except CommandFailed as error:
            return Solved({}, str(error))
        if not answer.was_reached:
            raise Unavailable(f"The package index cannot be asked for versions. uv says:\n{answer.reason}")
        return Solved(dict(answer.pins), answer.reason)
