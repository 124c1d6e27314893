"""Tell where an environment stands as a whole, and each of its packages, whichever manager it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import content_digest
from trailmark.environments.managers.edit import unmet
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.model import parse_python
from trailmark.environments.status import State, describe
from trailmark.environments.whole.join import from_base, joined
from trailmark.environments.whole.model import WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Managers, minor_of

Standing = Literal["unlocked", "stale", "locked", "proved"]
_LABELS = {"conda": "conda packages", "apt": "system packages (apt)", "r": "R packages"}
_ONE = {"conda": "conda package", "apt": "system package (apt)", "r": "R package"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class PackageStanding:
    """Where one package of one manager stands.

    `requested` is how it was asked for (empty: any version), None for what only others need. `origin` is base or
    project for what was asked for. The state is that of `environments.status`.
    """

    manager: str
    name: str
    requested: str | None
    version: str | None
    state: State
    origin: Literal["base", "project"] | None


def describe_whole(
    request: WholeRequest, lock: WholeLock | None, managers: Managers, *, installed: bool = False
) -> tuple[PackageStanding, ...]:
    """Return a line for each package: those asked for in their order, manager by manager, then what they need."""
    lines = [*_pip_lines(request, lock, installed)]
    for name, wanted in joined(request)[1].items():
        lines += _other_lines(name, wanted, request, lock, managers.get(name))
    return tuple(sorted(lines, key=lambda line: line.requested is None))


def reasons_stale(request: WholeRequest, lock: WholeLock, managers: Managers) -> tuple[str, ...]:
    """Return why a lock is no longer what is asked for, in sentences; empty when it is."""
    return tuple(_iter_reasons(request, lock, managers))


def left_to_the_machine(request: WholeRequest, lock: WholeLock | None) -> tuple[str, ...]:
    """Return, in sentences, what the local engine does not realise but leaves to this machine's own system."""
    said = []
    base, others = request.base, joined(request)[1]
    if base is not None:
        said.append(
            f"The operating system of the base, {base.image}: this machine's own is used in its place."
        )
        said += _other_python(base, lock)
        languages = [name for name in base.languages if name != "python"]
        said += [
            f"{name.upper() if len(name) == 1 else name.title()} {base.languages[name]} of the base."
            for name in languages
        ]
    for name, wanted in others.items():
        one = len(wanted.requirements) == 1
        said.append(
            f"1 {_ONE[name]}, and what it needs."
            if one
            else f"{len(wanted.requirements)} {_LABELS[name]}, and what they need."
        )
    if request.all_snippets:
        names = ", ".join(snippet.name for snippet in request.all_snippets)
        said.append(f"The snippet{'s' if len(request.all_snippets) > 1 else ''} {names}.")
    return tuple(said)


def _iter_reasons(request: WholeRequest, lock: WholeLock, managers: Managers) -> Iterator[str]:
    if _content(request.base) != _content(lock.base):
        yield "Another base is asked for than was locked."
    if request.all_snippets != lock.all_snippets:
        yield "The snippets have changed."
    minor = lock.pip.requires_python.removeprefix("==").removesuffix(".*")
    wanted_python = parse_python(request.pip.python)
    if minor and not any(
        wanted_python.contains(f"{minor}.{patch}", prereleases=True) for patch in (0, 8, 16, 99)
    ):
        yield f"Python {request.pip.python} is asked for, and the lock is for {minor}."
    others = joined(request)[1]
    for name in sorted(lock.others.keys() - others.keys()):
        yield f"The lock holds {_LABELS[name]}, and none are asked for."
    waiting = [
        line.name
        for line in describe_whole(request, lock, managers)
        if line.state in ("requested", "stale") and line.requested is not None
    ]
    if waiting:
        yield f"Not resolved as asked: {', '.join(waiting[:8])}{' …' if len(waiting) > 8 else ''}."


def _content(base: Base | None) -> str | None:
    return content_digest(base) if base else None


def _other_python(base: Base, lock: WholeLock | None) -> list[str]:
    minor = minor_of(base)
    locked = lock.pip.requires_python.removeprefix("==").removesuffix(".*") if lock else ""
    if minor is None or not locked or minor == locked:
        return []
    return [f"The base has Python {minor}, and this machine has not: the lock is for Python {locked}."]


def _pip_lines(request: WholeRequest, lock: WholeLock | None, installed: bool) -> Iterator[PackageStanding]:
    own = {canonicalize_name(_first(text)) for text in request.pip.packages}
    for line in describe(joined(request)[0], lock.pip if lock else None, installed=installed):
        origin: Literal["base", "project"] | None = None
        if line.requested is not None:
            origin = "project" if canonicalize_name(line.name) in own else "base"
        yield PackageStanding("pip", line.name, line.requested, line.version, line.state, origin)


def _other_lines(
    name: str, wanted: Wanted, request: WholeRequest, lock: WholeLock | None, manager: PackageManager | None
) -> Iterator[PackageStanding]:
    file = lock.others.get(name) if lock else None
    found = manager.parse(file.text) if file and manager else None
    versions: Mapping[str, str | None] = {item.name: item.version for item in found.items} if found else {}
    missing = unmet(manager, wanted, found) if manager else wanted.requirements
    brought = from_base(request.base, name)
    own = {_first(text).lower() for text in (request.others.get(name) or Wanted()).requirements}
    seen = set()
    for text in wanted.requirements:
        package = manager.name_of(text) if manager else _first(text)
        seen.add(package)
        short = _first(text).lower()
        yield PackageStanding(
            name,
            package,
            text.strip()[len(_first(text)) :].strip(),
            versions.get(package),
            "locked" if text not in missing else "stale" if package in versions else "requested",
            "base" if short in brought and short not in own else "project",
        )
    for package in sorted(versions.keys() - seen):
        yield PackageStanding(name, package, None, versions[package], "locked", None)


def _first(text: str) -> str:
    match = _NAME.match(text.strip())
    return match[0] if match else text.strip()
