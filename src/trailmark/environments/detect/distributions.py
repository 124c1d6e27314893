"""Which package gives which import, and which imports came to an end: the table distributions.toml, read."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import known_names


@dataclass(frozen=True)
class Gone:
    """An import that a package had once: in which versions, and what there is now instead."""

    package: str
    versions: str
    now: str


@dataclass(frozen=True)
class Distributions:
    """The table: imports and the packages that give them."""

    python: Mapping[str, str]
    same: frozenset[str]
    always: frozenset[str]
    python2: Mapping[str, str]
    ended: Mapping[str, tuple[int, int]]
    gone: Mapping[str, Gone]
    r_base: frozenset[str]
    bioconductor: frozenset[str]


@cache
def distributions() -> Distributions:
    """Return the table that is shipped with Trailmark."""
    text = files("trailmark.environments.detect").joinpath("distributions.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    return Distributions(
        python=content["python"],
        same=frozenset(map(canonicalize_name, content["same"]["packages"])),
        always=frozenset(content["always"]["python"]),
        python2=content["python2"],
        ended={name: _minor(version) for name, version in content["ended"].items()},
        gone={name: Gone(one["package"], one["in"], one["now"]) for name, one in content["gone"].items()},
        r_base=frozenset(content["r"]["base"]),
        bioconductor=frozenset(content["r"]["bioconductor"]),
    )


def find_package(module: str) -> str | None:
    """Return the package that gives a module: by the longest known beginning of its name, else a known package."""
    for beginning in _beginnings(module):
        known = distributions().python.get(beginning)
        if known:
            return known
    name = canonicalize_name(module.partition(".")[0])
    return name if name in _known() or name in distributions().same else None


def is_well_known(package: str) -> bool:
    """Whether a package is one that many know, so that a stranger's code can name it without leading anywhere odd."""
    name = canonicalize_name(package)
    table = distributions()
    return name in _known() or name in table.same or name in map(canonicalize_name, table.python.values())


def find_gone(module: str, names: Iterable[str] = ()) -> Gone | None:
    """Return what is known of an import that no present version of its package has."""
    gone = distributions().gone
    for name in names:
        found = gone.get(f"{module}:{name}") or gone.get(f"{module}.{name}")
        if found:
            return found
    return next((gone[beginning] for beginning in _beginnings(module) if beginning in gone), None)


def _beginnings(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


@cache
def _known() -> frozenset[str]:
    return frozenset(known_names())


def _minor(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
