"""What is proposed for code of another time: pure values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from packaging.utils import canonicalize_name

from trailmark.environments.detect.imports import Import
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest, Lock, parse_requirement
from trailmark.errors import InvalidInput

# dated: existed at the moment · later: the oldest that this Python can have · undated: the index gives no times ·
# source: only as source, which has to be built · absent: not in the index · conflict: does not fit the others
State = Literal["dated", "later", "undated", "source", "absent", "conflict"]


_LISTED = 8


@dataclass(frozen=True)
class Moment:
    """The day whose versions are wanted, and where it comes from: “the last commit”, “today”."""

    day: date
    source: str


@dataclass(frozen=True)
class Want:
    """A package that the code needs: a requirement without limits of ours, and the limits that its imports set."""

    requirement: str
    limits: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The package's normalised name."""
        return canonicalize_name(parse_requirement(self.requirement).name)

    @property
    def limited(self) -> str:
        """The requirement with the limits of its imports; as it is where its own version is set already."""
        wanted = parse_requirement(self.requirement)
        if wanted.specifier or wanted.url or not self.limits:
            return self.requirement
        return f"{self.requirement}{','.join(self.limits)}"


@dataclass(frozen=True)
class PackageChoice:
    """What was chosen for a package: the version, and the day up to which it was looked for.

    `asked` is the requirement with the limits that the code's imports set, as far as they can be met. `is_built`: it
    was there as source only, and could be built.
    """

    name: str
    state: State
    version: str | None = None
    day: date | None = None
    reason: str = ""
    advice: str = ""
    asked: str = ""
    is_built: bool = False

    @property
    def is_resolved(self) -> bool:
        """Whether a version was found that can be installed here without building it."""
        return self.state in ("dated", "later", "undated")


@dataclass(frozen=True)
class Outcome:
    """Whether one import works: None when it was not tried. `reason` and `advice` are empty for one that does."""

    imported: Import
    works: bool | None
    reason: str = ""
    advice: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether a person should know: it fails, or will, and the code cannot do without."""
        return not self.works and bool(self.reason) and not self.imported.optional


@dataclass(frozen=True)
class Proposal:
    """An environment for code of another time; for a person to confirm.

    `pins` are all versions that were resolved, what the packages need included. `until` is the day up to which they
    were taken, None for no limit; `r` is what is asked of R.
    """

    moment: Moment
    python: str
    minor: str
    until: date | None
    packages: tuple[PackageChoice, ...]
    outcomes: tuple[Outcome, ...]
    pins: Mapping[str, str] = field(default_factory=dict, hash=False)
    r: Wanted = field(default_factory=Wanted)
    notes: tuple[str, ...] = ()
    lock: Lock | None = None
    is_tried: bool = False

    @property
    def request(self) -> EnvironmentRequest:
        """What to ask for: the Python, and each package that can be installed, at its version."""
        asked = [f"{one.name}=={one.version}" for one in self.packages if one.is_resolved]
        return EnvironmentRequest(f"=={self.minor}.*", tuple(asked))

    @property
    def troubles(self) -> tuple[Outcome, ...]:
        """The imports that fail, or will, with the reason and what to do."""
        return tuple(one for one in self.outcomes if one.is_trouble)

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that a person should know besides the packages and what became of the imports."""
        left_out = tuple(
            f"{one.name} is left out: {one.reason}. {one.advice}"
            for one in self.packages
            if not one.is_resolved
        )
        later = [one for one in self.packages if one.state == "later"]
        if not later:
            return (*self.notes, *left_out)
        listed = ", ".join(f"{one.name} {one.version}" for one in later[:_LISTED])
        more = f" and {len(later) - _LISTED} more" if len(later) > _LISTED else ""
        told = (
            f"no version of {self.moment.day} works here for Python {self.minor}, so a later one was taken: "
            f"{listed}{more}"
        )
        return (*self.notes, told, *left_out)

    @property
    def counts(self) -> "Counts":
        """How far it got, of how many imports."""
        return count(self.outcomes, self.packages)


@dataclass(frozen=True)
class Counts:
    """Of the imports that are no part of the language: how many there are, have a package, have a version, and work.

    An import of the standard library that fails is counted too, as found only.
    """

    found: int
    mapped: int
    resolved: int
    working: int


def count(outcomes: Sequence[Outcome], packages: Sequence[PackageChoice]) -> Counts:
    """Count imports; what the code can do without is left out when it does not work."""
    ready = {one.name for one in packages if one.is_resolved}
    counted = [one for one in outcomes if _is_counted(one)]
    given = [one.imported for one in counted if one.imported.package]
    resolved = [
        one for one in given if one.language == "python" and canonicalize_name(one.package or "") in ready
    ]
    return Counts(len(counted), len(given), len(resolved), sum(one.works is True for one in counted))


def _is_counted(one: Outcome) -> bool:
    if one.imported.optional and not one.works and one.imported.kind != "package":
        return False
    return one.imported.kind != "standard" or bool(one.reason)


def parse_day(text: str) -> date:
    """Read a day, such as “2016-05-01”. Raises InvalidInput."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(f"“{text[:40]}” is not a day. Write it like “2016-05-01”.") from error
