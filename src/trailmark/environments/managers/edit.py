"""Change what is asked of a manager, and say what its lock does not answer or is behind in: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from trailmark.environments.managers.model import LockedItem, ManagerLock, Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.errors import NotFound


def add(manager: PackageManager, wanted: Wanted, requirement: str) -> Wanted:
    """Ask for one more package; a requirement of the same name is replaced where it stands."""
    text = manager.check(requirement)
    name = manager.name_of(text)
    names = [manager.name_of(one) for one in wanted.requirements]
    kept = list(wanted.requirements)
    if name in names:
        kept[names.index(name)] = text
    else:
        kept.append(text)
    return replace(wanted, requirements=tuple(kept))


def remove(manager: PackageManager, wanted: Wanted, name: str) -> Wanted:
    """Ask for one package less. Raises NotFound when it was not asked for."""
    unwanted = manager.name_of(name)
    kept = tuple(one for one in wanted.requirements if manager.name_of(one) != unwanted)
    if len(kept) == len(wanted.requirements):
        asked = ", ".join(sorted(manager.name_of(one) for one in kept)) or "no package"
        raise NotFound(
            f"{name} was not asked of {manager.name}, so nothing was changed. This environment asks it for {asked}; "
            "what those need comes and goes with them."
        )
    return replace(wanted, requirements=kept)


def behind_name(manager: PackageManager, requirement: str) -> str:
    """Return what a requirement says besides the name: “>=3” of conda-forge::gdal>=3, with the channel behind it."""
    channel, _, text = requirement.strip().rpartition("::")
    name = manager.name_of(requirement)
    begin = text.lower().find(name.lower())
    rest = text if begin < 0 else text[begin + len(name) :].strip()
    return " ".join(filter(None, [rest, f"of {channel}" if channel else ""]))


def unmet(manager: PackageManager, wanted: Wanted, lock: ManagerLock | None) -> tuple[str, ...]:
    """Return the requirements that the lock does not answer: all of them, when it was resolved for something else."""
    if lock is not None and wanted.runtime and lock.runtime and wanted.runtime != lock.runtime:
        return wanted.requirements
    versions = {item.name: item.version for item in lock.items} if lock else {}
    return tuple(
        text
        for text in wanted.requirements
        if manager.name_of(text) not in versions or not manager.meets(text, versions[manager.name_of(text)])
    )


def behind(
    manager: PackageManager, items: Iterable[LockedItem], newest: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the newest version of each package that is at one which the manager puts before it."""
    return {
        item.name: found
        for item in items
        if (found := newest.get(item.name)) and item.version and manager.is_newer(found, item.version)
    }
