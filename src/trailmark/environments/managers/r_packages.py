"""How R writes packages, versions and what they need: pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trailmark.environments.managers.plan import Need

NAME = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]")
VERSION = re.compile(r"\d{1,9}(?:[.-]\d{1,9})*")
DEPENDENCY_FIELDS = ("Depends", "Imports", "LinkingTo")
# What comes with R itself, in R's version.
BASE = frozenset(
    [
        "base",
        "compiler",
        "datasets",
        "graphics",
        "grDevices",
        "grid",
        "methods",
        "parallel",
        "splines",
        "stats",
    ]
) | {"stats4", "tcltk", "tools", "utils"}
_LIMIT = re.compile(r"(>=|<=|==|!=|>|<|=|@)\s*(\S+)")


@dataclass(frozen=True)
class Asked:
    """One package that is asked for, and the limits of its version, such as (“>=”, “3.4”)."""

    name: str
    limits: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.name + ",".join(f"{relation}{version}" for relation, version in self.limits)

    def allows(self, version: str) -> bool:
        """Whether that version is within the limits."""
        return all(_holds(version, relation, limit) for relation, limit in self.limits)

    @property
    def exact(self) -> str | None:
        """The one version that it allows, or None."""
        return next((version for relation, version in self.limits if relation == "=="), None)


def read_asked(text: str) -> Asked | None:
    """Read “ggplot2”, “ggplot2>=3.4”, “ggplot2@3.4.0” or “ggplot2 (>= 3.4)”; None for what is none of these."""
    bare = text.replace("(", " ").replace(")", " ").strip()
    name = re.match(r"[A-Za-z0-9.]+", bare)
    if name is None or not NAME.fullmatch(name[0]):
        return None
    limits = []
    for part in filter(None, (one.strip() for one in bare[name.end() :].split(","))):
        match = _LIMIT.fullmatch(part)
        if match is None or not VERSION.fullmatch(match[2]):
            return None
        limits.append(("==" if match[1] in ("=", "@") else match[1], match[2]))
    return Asked(name[0], tuple(limits))


def needs_of(fields: Mapping[str, str]) -> Iterator[Need]:
    """Yield what a package needs to be installed, as its DESCRIPTION or a repository's index says."""
    for field in DEPENDENCY_FIELDS:
        for text in split_field(fields.get(field, "")):
            asked = read_asked(text) or _read_r(text)
            if asked is not None:
                yield Need(asked.name, text, asked.allows)


def split_field(value: str) -> list[str]:
    """Return the entries of a field such as Imports, each in one line."""
    return [" ".join(one.split()) for one in value.split(",") if one.strip()]


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return versions in R's order, the newest first."""
    return sorted(set(versions), key=version_key, reverse=True)


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions are ordered by; a version that is none comes before all others."""
    return tuple(map(int, re.split(r"[.-]", version))) if VERSION.fullmatch(version) else ()


def _read_r(text: str) -> Asked | None:
    """Read a limit of R itself: its name is one letter, which no package may have."""
    match = re.fullmatch(r"R\s*\(\s*(>=|<=|==|!=|>|<)\s*([\d.-]+)\s*\)", text)
    return Asked("R", ((match[1], match[2]),)) if match and VERSION.fullmatch(match[2]) else None


def _holds(version: str, relation: str, limit: str) -> bool:
    one, other = version_key(version), version_key(limit)
    return {
        ">=": one >= other,
        "<=": one <= other,
        "==": one == other,
        "!=": one != other,
        ">": one > other,
        "<": one < other,
    }[relation]
