"""How Debian writes names and compares versions, and what apt says when packages do not fit together: pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from trailmark.environments.managers.model import require_short
from trailmark.errors import InvalidInput

# No minus at the end: apt takes that as the wish to remove a package.
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.]")
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]*")
_WANTED_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:*-]*")
_PARTS = re.compile(r"(\D*)(\d*)")
_UNMET = re.compile(
    r"^\s*(?:\S+ : )?(?:Pre)?Depends: (?P<name>\S+) "
    r"(?:\((?P<relation><=|>=|<|>|=) (?P<wanted>\S+)\) )?but (?:it|(?P<found>\S+)) is (?P<what>to be|not going to be)"
)
_INST = re.compile(
    r"^Inst (?P<name>\S+) (?:\[\S+\] )?\((?P<version>\S+) .*\[(?P<architecture>[a-z0-9-]+)\]\)", re.M
)
_THERE = re.compile(r"^(?P<name>\S+) is already the newest version \((?P<version>\S+)\)\.$", re.M)
_NOISE = ("Reading ", "Building ", "NOTE:", "Note,", "W: ", "N: ", "      ", "Inst ", "Conf ", "Remv ")


@dataclass(frozen=True)
class Unmet:
    """A dependency that apt cannot give. `relation` and `wanted` are None when any version would do."""

    name: str
    relation: str | None
    wanted: str | None

    def allows(self, version: str) -> bool:
        """Whether that version would meet it."""
        if self.relation is None or self.wanted is None:
            return True
        order = compare(version, self.wanted)
        return {"<": order < 0, "<=": order <= 0, "=": order == 0, ">=": order >= 0, ">": order > 0}[
            self.relation
        ]


@dataclass(frozen=True)
class Simulated:
    """What apt would do: name and architecture → version to install, and name → version that is there already."""

    install: dict[tuple[str, str], str]
    there: dict[str, str]


def read_requirement(text: str) -> tuple[str, str | None]:
    """Read “libgdal-dev” or “libgdal-dev=3.6*” as a name and a version, None for any. Raises InvalidInput."""
    name, separator, version = (part.strip() for part in require_short(text).partition("="))
    if not NAME.fullmatch(name) or (separator and not _WANTED_VERSION.fullmatch(version)):
        raise InvalidInput(
            f"“{text.strip()}” is not a system package that can be asked for. Write it like “libgdal-dev” or "
            "“libgdal-dev=3.6.2+dfsg-1”."
        )
    return name, version or None


def compare(first: str, second: str) -> int:
    """Return less than, equal to or more than 0, as deb-version(7) orders two versions."""
    for one, other in zip(_split(first), _split(second), strict=True):
        order = _compare_part(one, other)
        if order:
            return order
    return 0


def read_simulation(said: str) -> Simulated:
    """Read what `apt-get --simulate install` printed."""
    return Simulated(
        {(_bare(one["name"]), one["architecture"]): one["version"] for one in _INST.finditer(said)},
        {_bare(one["name"]): one["version"] for one in _THERE.finditer(said)},
    )


def read_unmet(said: str) -> Iterator[Unmet]:
    """Yield the dependencies that apt names as what stands in the way."""
    for line in said.splitlines():
        match = _UNMET.match(line)
        if match:
            yield Unmet(match["name"], match["relation"], match["wanted"])


def reason_of(said: str) -> str:
    """Return apt's reason, without what it tells on its way there."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    start = next((n for n, line in enumerate(lines) if line.startswith("The following packages have")), 0)
    return "\n".join(lines[start:])


def _bare(name: str) -> str:
    return name.partition(":")[0]


def _split(version: str) -> tuple[str, str, str]:
    epoch, separator, rest = version.partition(":")
    if not separator:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return epoch, upstream, revision


def _compare_part(one: str, other: str) -> int:
    for (text, number), (other_text, other_number) in zip_longest(
        _PARTS.findall(one), _PARTS.findall(other), fillvalue=("", "")
    ):
        for left, right in zip_longest(map(_weight, text), map(_weight, other_text), fillvalue=0):
            if left != right:
                return left - right
        left_number, right_number = number.lstrip("0"), other_number.lstrip("0")
        if left_number != right_number:
            longer = len(left_number) - len(right_number)
            return longer or (1 if left_number > right_number else -1)
    return 0


def _weight(character: str) -> int:
    """Return where a character sorts: a tilde before the end of the text, letters before all else."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
