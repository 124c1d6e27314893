"""What changed between two locks, in lines that a person reads: pure."""

from __future__ import annotations

from collections.abc import Mapping

from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.whole.model import OTHERS, WholeLock


def difference_of_locks(
    before: WholeLock | None, after: WholeLock, managers: Mapping[str, PackageManager]
) -> list[str]:
    """Return a line for each change: `+ name version`, `- name version`, `name old → new`, base and snippets.

    Packages of other managers than pip carry its name behind theirs.
    """
    lines = _lines(_pip(before), _pip(after))
    for name in OTHERS:
        old, new = _other(before, name, managers), _other(after, name, managers)
        lines += [f"{line} ({name})" for line in _lines(old, new)]
    lines += _lines(_base(before), _base(after))
    return lines + _snippet_lines(before, after)


def _lines(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            lines.append(f"+ {name} {new[name]}".rstrip())
        elif name not in new:
            lines.append(f"- {name} {old[name]}".rstrip())
        elif old[name] != new[name]:
            lines.append(f"{name} {old[name]} → {new[name]}")
    return lines


def _snippet_lines(before: WholeLock | None, after: WholeLock) -> list[str]:
    old = {one.name: one.digest for one in before.all_snippets} if before else {}
    new = {one.name: one.digest for one in after.all_snippets}
    lines = [f"+ snippet {name}" for name in sorted(new.keys() - old.keys())]
    lines += [f"- snippet {name}" for name in sorted(old.keys() - new.keys())]
    return lines + [
        f"snippet {name} changed" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]
    ]


def _pip(lock: WholeLock | None) -> dict[str, str]:
    return {package.name: package.version or "" for package in lock.pip.packages} if lock else {}


def _base(lock: WholeLock | None) -> dict[str, str]:
    base = lock.base if lock else None
    return {f"base {base.id}": f"revision {base.revision}"} if base else {}


def _other(lock: WholeLock | None, name: str, managers: Mapping[str, PackageManager]) -> dict[str, str]:
    file = lock.others.get(name) if lock else None
    if file is None or name not in managers:
        return {}
    return {item.name: item.version or "" for item in managers[name].parse(file.text).items}
