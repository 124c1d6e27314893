"""What changed between two locks, in lines that a person reads: pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.status import locked_minor
from trailmark.environments.whole.asked import texts_by_name
from trailmark.environments.whole.model import OTHERS, WholeLock


def difference_of_locks(
    before: WholeLock | None, after: WholeLock, managers: Mapping[str, PackageManager]
) -> list[str]:
    """Return a line for each change: `+ name version`, `- name version`, `name old → new`, base and snippets.

    Packages of other managers than pip carry its name behind theirs.
    """
    lines = _python_lines(before, after)
    elsewhere = {one.name for one in after.pip.packages} - _here(after)
    for name in ("pip", *OTHERS):
        old, new = (_versions(lock, name, managers) for lock in (before, after))
        behind = "" if name == "pip" else f" ({name})"
        for package in sorted(old.keys() | new.keys()):
            line = _line(package, old.get(package), new.get(package))
            mark = " (for other machines)" if name == "pip" and package in elsewhere else ""
            lines += [f"{line}{behind}{mark}"] if line else []
        same = {package for package in old if old[package] == new.get(package)}
        lines += [f"{line}{behind}" for line in _asked_lines(before, after, name, same)]
    bases = _base(before), _base(after)
    lines += [
        line
        for name in sorted({*bases[0], *bases[1]})
        if (line := _line(name, *(b.get(name) for b in bases)))
    ]
    return lines + _snippet_lines(before, after)


def _line(name: str, old: str | None, new: str | None) -> str | None:
    if old == new:
        return None
    if old is None:
        return f"+ {name} {new}".rstrip()
    return f"- {name} {old}".rstrip() if new is None else f"{name} {old} → {new}"


def _python_lines(before: WholeLock | None, after: WholeLock) -> list[str]:
    """Return what became of Python: the version, or else only which one is asked for."""
    if before is None:
        return []
    old, new = locked_minor(before.pip), locked_minor(after.pip)
    if old != new and old:
        return [f"Python {old} → {new}"]
    is_other = before.python != after.python and bool(old)
    return [f"Python asked for as {after.python}, not as {before.python}"] if is_other else []


def _asked_lines(
    before: WholeLock | None, after: WholeLock, manager: str, same: Collection[str]
) -> list[str]:
    """Return what is asked for otherwise, of the packages whose versions are the same."""
    old, new = (lock.asked.parts.get(manager) if lock and lock.asked else None for lock in (before, after))
    if old is None or new is None:
        return []
    was, now = (texts_by_name(manager, wanted.requirements) for wanted in (old, new))
    lines = [
        f"{name} {_wanting(was.get(name), now.get(name))}"
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name) and name in same
    ]
    if (old.channels, old.snapshot, old.runtime) != (new.channels, new.snapshot, new.runtime):
        lines.append("packages are looked for elsewhere, or as of another day")
    return lines


def _wanting(was: tuple[str, ...] | None, now: tuple[str, ...] | None) -> str:
    if now is None:
        return "no longer asked for, but needed by others"
    if was is None:
        return f"asked for as {', '.join(now)} from now on"
    return f"asked for as {', '.join(now)}, not as {', '.join(was)}"


def _snippet_lines(before: WholeLock | None, after: WholeLock) -> list[str]:
    old = {one.name: one.digest for one in before.all_snippets} if before else {}
    new = {one.name: one.digest for one in after.all_snippets}
    lines = [f"+ snippet {name}" for name in sorted(new.keys() - old.keys())]
    lines += [f"- snippet {name}" for name in sorted(old.keys() - new.keys())]
    return lines + [
        f"snippet {name} changed" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]
    ]


def _base(lock: WholeLock | None) -> dict[str, str]:
    base = lock.base if lock else None
    return {f"base {base.id}": f"revision {base.revision}"} if base else {}


def _versions(lock: WholeLock | None, name: str, managers: Mapping[str, PackageManager]) -> dict[str, str]:
    if lock is not None and name == "pip":
        return {package.name: package.version or "" for package in lock.pip.packages}
    file = lock.others.get(name) if lock else None
    if file is None or name not in managers:
        return {}
    return {item.name: item.version or "" for item in managers[name].parse(file.text).items}


def _here(lock: WholeLock) -> set[str]:
    """Return the packages of Python's that this machine installs."""
    return {one.name for one in lock.pip.packages if one.applies()}
