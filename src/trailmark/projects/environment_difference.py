"""How two environments differ, as a person reads it: packages with their versions, and all else (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trailmark.projects.environment_at import EnvironmentAt

Change = Literal["added", "removed", "changed", "asked"]


@dataclass(frozen=True)
class PackageChange:
    """What became of one package. `asked` says that it was asked for, before or after, by the project or its base.

    The versions are None where nothing was resolved, the requirements where it was not asked for. The change is
    `asked` when the version stayed and only the requirement is another.
    """

    manager: str
    name: str
    change: Change
    before: str | None
    after: str | None
    asked: bool
    wanted_before: str | None = None
    wanted_after: str | None = None

    @property
    def wanting(self) -> str:
        """What became of how it is asked for, in words."""
        if self.wanted_after is None:
            return "no longer asked for, but needed by others"
        if self.wanted_before is not None:
            return f"asked for as {self.wanted_after}, not as {self.wanted_before}"
        return f"asked for{f' as {self.wanted_after}' if self.wanted_after != self.name else ''} from now on"


@dataclass(frozen=True)
class FactChange:
    """What became of something else, such as the base or a limit; None where there was none."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class SnippetChange:
    """What became of a snippet: the lines that were taken out (-) and put in (+)."""

    name: str
    change: Change
    lines: tuple[str, ...]


@dataclass(frozen=True)
class EnvironmentDifference:
    """All that differs between two environments."""

    packages: tuple[PackageChange, ...] = ()
    facts: tuple[FactChange, ...] = ()
    snippets: tuple[SnippetChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs that a person could tell."""
        return not (self.packages or self.facts or self.snippets)

    @property
    def asked(self) -> tuple[PackageChange, ...]:
        """What became of packages that were asked for."""
        return tuple(one for one in self.packages if one.asked)

    @property
    def needed(self) -> tuple[PackageChange, ...]:
        """What became of packages that only others need."""
        return tuple(one for one in self.packages if not one.asked)

    def lines(self) -> list[str]:
        """Return a line for each change: `+ name version`, `- name version`, `name old → new`, and the rest."""
        return [
            *(f"{one.what}: {one.before or 'none'} → {one.after or 'none'}" for one in self.facts),
            *map(_package_line, self.packages),
            *(_SNIPPETS[one.change].format(one.name) for one in self.snippets),
        ]


_SNIPPETS: Mapping[Change, str] = {
    "added": "+ snippet {}",
    "removed": "- snippet {}",
    "changed": "snippet {} changed",
}
_ORDER: Mapping[Change, int] = {"added": 0, "removed": 1, "changed": 2, "asked": 3}


def difference_of(before: EnvironmentAt, after: EnvironmentAt) -> EnvironmentDifference:
    """Return what became of an environment."""
    packages = sorted(_packages(before, after), key=lambda one: (_ORDER[one.change], one.manager, one.name))
    facts = (*_facts(before, after),)
    found = EnvironmentDifference(tuple(packages), facts, tuple(_snippets(before, after)))
    if found.is_empty and before.digest != after.digest:
        return EnvironmentDifference(facts=(FactChange("Lock", _short(before), _short(after)),))
    return found


def _packages(before: EnvironmentAt, after: EnvironmentAt) -> Iterator[PackageChange]:
    for key in sorted(
        before.versions.keys() | after.versions.keys() | before.asked.keys() | after.asked.keys()
    ):
        old, new = before.versions.get(key), after.versions.get(key)
        wanted, wants = before.asked.get(key), after.asked.get(key)
        if (old, wanted) == (new, wants):
            continue
        manager, name = key
        change = _change(old, new) if old != new else _change(wanted, wants) if old is None else "asked"
        is_asked = wanted is not None or wants is not None
        yield PackageChange(manager, name, change, old, new, is_asked, wanted, wants)


def _change(old: str | None, new: str | None) -> Change:
    return "added" if old is None else "removed" if new is None else "changed"


def _facts(before: EnvironmentAt, after: EnvironmentAt) -> Iterator[FactChange]:
    for what, old, new in (
        ("Base", before.base, after.base),
        ("Python", before.python, after.python),
        ("Problem", before.problem, after.problem),
    ):
        if old != new:
            yield FactChange(what, old, new)
    for name in sorted(before.settings.keys() | after.settings.keys()):
        old, new = before.settings.get(name), after.settings.get(name)
        if old != new:
            yield FactChange(name, old, new)


def _snippets(before: EnvironmentAt, after: EnvironmentAt) -> Iterator[SnippetChange]:
    for name in sorted(before.snippets.keys() | after.snippets.keys()):
        old, new = before.snippets.get(name), after.snippets.get(name)
        if old == new:
            continue
        change: Change = "added" if old is None else "removed" if new is None else "changed"
        compared = difflib.ndiff((old or "").splitlines(), (new or "").splitlines())
        yield SnippetChange(name, change, tuple(line for line in compared if not line.startswith("?")))


def _package_line(one: PackageChange) -> str:
    by = "" if one.manager == "pip" else f" ({one.manager})"
    match one.change:
        case "added":
            return f"+ {one.name} {one.after or 'not resolved yet'}{by}"
        case "removed":
            return f"- {one.name} {one.before or ''}".rstrip() + by
        case "changed" if one.before and one.after:
            return f"{one.name} {one.before} → {one.after}{by}"
        case _:
            return f"{one.name} {one.wanting}{by}"


def _short(environment: EnvironmentAt) -> str | None:
    return environment.digest[:12] if environment.digest else None
