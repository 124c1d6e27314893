"""Tell, package by package, what was asked for, what was resolved and what is installed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trailmark.environments.model import (
    EnvironmentRequest,
    Lock,
    LockedPackage,
    parse_python,
    parse_requirement,
)

State = Literal["requested", "stale", "elsewhere", "locked", "installed"]


@dataclass(frozen=True)
class PackageLine:
    """Where one package stands.

    `requested` is the specifier asked for (empty: any), or None for what only others need. The state is
    requested (not resolved yet), stale (the lock holds what was asked for before), elsewhere (meant for other
    machines), locked (resolved, not installed here) or installed.
    """

    name: str
    requested: str | None
    version: str | None
    state: State


def describe(
    request: EnvironmentRequest,
    lock: Lock | None,
    *,
    installed: bool = False,
    machine: Mapping[str, str] | None = None,
    otherwise: Collection[str] = (),
) -> tuple[PackageLine, ...]:
    """Return a line for each package asked for, in that order, then for what they need, by name.

    `installed` says that the lock's environment exists; `machine` (marker variables) is this one when None.
    `otherwise` has the names of what was asked for otherwise when it was locked.
    """
    asked: dict[str, PackageLine] = {}
    for text in request.packages:
        requirement = parse_requirement(text)
        if requirement.name not in asked or _applies(requirement.marker, machine):
            line = _asked(requirement, lock, installed, machine)
            if lock is not None and canonicalize_name(requirement.name) in otherwise:
                line = replace(line, state="stale" if line.version else "requested")
            asked[requirement.name] = line
    names = {canonicalize_name(name) for name in asked}
    state: State = "installed" if installed else "locked"
    needed = (
        PackageLine(package.name, None, package.version, state)
        for package in (lock.packages if lock else ())
        if package.name not in names and package.applies(machine)
    )
    return (*asked.values(), *sorted(needed, key=lambda line: line.name))


def is_current(
    request: EnvironmentRequest, lock: Lock | None, machine: Mapping[str, str] | None = None
) -> bool:
    """Whether the lock still answers all that is asked for, as far as the lock itself can tell."""
    return (
        lock is not None
        and allows_python(request.python, lock)
        and not any(line.state in ("requested", "stale") for line in describe(request, lock, machine=machine))
    )


def locked_minor(lock: Lock) -> str:
    """Return the Python that a lock is for without the patch, such as 3.12; empty when it does not say."""
    return lock.requires_python.removeprefix("==").removesuffix(".*")


def allows_python(python: str, lock: Lock) -> bool:
    """Whether the Python of a lock is one of those that are asked for."""
    minor, wanted = locked_minor(lock), parse_python(python)
    return not minor or any(wanted.contains(f"{minor}.{patch}", prereleases=True) for patch in (0, 8, 16, 99))


def _asked(
    requirement: Requirement, lock: Lock | None, installed: bool, machine: Mapping[str, str] | None
) -> PackageLine:
    wanted = f"@ {requirement.url}" if requirement.url else str(requirement.specifier)
    package = lock.find(requirement.name, machine) if lock else None
    return PackageLine(
        requirement.name,
        wanted,
        package.version if package else None,
        _state(requirement, package, installed, machine),
    )


def _state(
    requirement: Requirement,
    package: LockedPackage | None,
    installed: bool,
    machine: Mapping[str, str] | None,
) -> State:
    if not _applies(requirement.marker, machine):
        return "elsewhere"
    if package is None:
        return "requested"
    if package.version and not requirement.specifier.contains(package.version, prereleases=True):
        return "stale"
    return "installed" if installed else "locked"


def _applies(marker: Marker | None, machine: Mapping[str, str] | None) -> bool:
    return marker is None or marker.evaluate(dict(machine) if machine else None)
