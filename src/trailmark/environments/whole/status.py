"""Tell where an environment stands as a whole, and each of its packages, whichever manager it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import content_digest
from trailmark.environments.managers.edit import behind_name, unmet
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.status import State, allows_python, describe, locked_minor
from trailmark.environments.whole.asked import name_in, plain, texts_by_name
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
    return (*_held_otherwise(lock), *asked_otherwise(request, lock, managers))


def asked_otherwise(request: WholeRequest, lock: WholeLock, managers: Managers) -> tuple[str, ...]:
    """Return why what is asked for now is not what a lock was made for, in sentences."""
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


def _held_otherwise(lock: WholeLock) -> Iterator[str]:
    """Yield what lies beside the lock otherwise than when it was made: a base or snippets changed by hand."""
    if lock.asked is None:
        return
    if lock.base is not None and lock.asked.base != _content(lock.base):
        yield "environment/base.toml was changed since it was locked."
    if {one.name: one.digest for one in lock.all_snippets} != lock.asked.snippets:
        yield "The snippets have changed since they were locked."


def _iter_reasons(request: WholeRequest, lock: WholeLock, managers: Managers) -> Iterator[str]:
    if _content(request.base) != _content(lock.base):
        yield "Another base is asked for than was locked."
    elif request.all_snippets != lock.all_snippets:
        yield "The snippets have changed."
    if not allows_python(request.pip.python, lock.pip):
        yield f"Python {request.pip.python} is asked for, and the lock is for {locked_minor(lock.pip)}."
    elif lock.asked and lock.asked.python != request.pip.python:
        yield f"Python {request.pip.python} is asked for, and was {lock.asked.python} when it was locked."
    others = joined(request)[1]
    for name in sorted(lock.others.keys() - others.keys()):
        yield f"The lock holds {_LABELS[name]}, and none are asked for."
    waiting = [
        line.name
        for line in describe_whole(request, lock, managers)
        if line.state in ("requested", "stale") and line.requested is not None
    ]
    if waiting:
        yield f"Not resolved as asked: {_listed(waiting)}."
    gone = [name for manager in ("pip", *others) for name in _no_longer_asked(request, lock, manager)]
    if gone:
        yield f"Locked, and no longer asked for: {_listed(gone)}."
    for name, wanted in others.items():
        if _place(plain(name, wanted)) != _place(_then(lock, name) or plain(name, wanted)):
            yield f"The {_LABELS[name]} were looked for elsewhere when they were locked, or as of another day."


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:8])}{' …' if len(names) > 8 else ''}"


def _then(lock: WholeLock, manager: str) -> Wanted | None:
    """Return what was asked of a manager when it was locked, None when it is not known."""
    return lock.asked.parts.get(manager) if lock.asked else None


def _now(request: WholeRequest, manager: str) -> tuple[str, ...]:
    pip, others = joined(request)
    return pip.packages if manager == "pip" else others[manager].requirements if manager in others else ()


def _place(wanted: Wanted) -> tuple[object, ...]:
    return wanted.channels, wanted.snapshot, wanted.runtime


def _no_longer_asked(request: WholeRequest, lock: WholeLock, manager: str) -> list[str]:
    then = _then(lock, manager)
    now = texts_by_name(manager, _now(request, manager))
    return sorted(texts_by_name(manager, then.requirements).keys() - now.keys()) if then else []


def _otherwise(request: WholeRequest, lock: WholeLock | None, manager: str) -> frozenset[str]:
    """Return the names of what is asked for now, and was not just so when it was locked."""
    then = _then(lock, manager) if lock else None
    if then is None:
        return frozenset()
    before, now = (texts_by_name(manager, each) for each in (then.requirements, _now(request, manager)))
    return frozenset(name for name, texts in now.items() if before.get(name) != texts)


def _content(base: Base | None) -> str | None:
    return content_digest(base) if base else None


def _other_python(base: Base, lock: WholeLock | None) -> list[str]:
    minor = minor_of(base)
    locked = locked_minor(lock.pip) if lock else ""
    if minor is None or not locked or minor == locked:
        return []
    return [f"The base has Python {minor}, and this machine has not: the lock is for Python {locked}."]


def _pip_lines(request: WholeRequest, lock: WholeLock | None, installed: bool) -> Iterator[PackageStanding]:
    own = {canonicalize_name(_first(text)) for text in request.pip.packages}
    otherwise, pip = _otherwise(request, lock, "pip"), lock.pip if lock else None
    for line in describe(joined(request)[0], pip, installed=installed, otherwise=otherwise):
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
    missing = set(unmet(manager, wanted, found) if manager else wanted.requirements)
    otherwise = _otherwise(request, lock, name)
    missing |= {text for text in wanted.requirements if otherwise & texts_by_name(name, [text]).keys()}
    brought = from_base(request.base, name)
    own = {name_in(name, text) for text in (request.others.get(name) or Wanted()).requirements}
    seen = set()
    for text in wanted.requirements:
        package = manager.name_of(text) if manager else _first(text)
        seen.add(package)
        short = name_in(name, text)
        yield PackageStanding(
            name,
            package,
            behind_name(manager, text) if manager else text.strip()[len(_first(text)) :].strip(),
            versions.get(package),
            "locked" if text not in missing else "stale" if package in versions else "requested",
            "base" if short in brought and short not in own else "project",
        )
    for package in sorted(versions.keys() - seen):
        yield PackageStanding(name, package, None, versions[package], "locked", None)


def _first(text: str) -> str:
    match = _NAME.match(text.strip())
    return match[0] if match else text.strip()
