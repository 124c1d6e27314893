"""Where capture notes what sessions do. Those that run in containers have places of their own, which nobody trusts.

What such a session wrote is recorded, for it is what happened there. But it says nothing about this machine: no file
outside of the project is looked at because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailmark_capture.shared import SharedFolder

ELSEWHERE = "container"
_MOST_LEVELS = 200


@dataclass(frozen=True)
class Captured:
    """The folders that hold the journal, the logs of accesses and what shells noted, of some sessions.

    `is_foreign` says that they run in containers.
    """

    folder: Path
    is_foreign: bool

    @property
    def journal(self) -> Path:
        """Where the segments of the journal lie."""
        return self.folder / "journal"

    @property
    def files(self) -> Path:
        """Where accesses to files are noted."""
        return self.folder / "files"

    @property
    def shell(self) -> Path:
        """Where shells and R note what is typed at them."""
        return self.folder / "shell"

    def confined(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an entry without what it may not say of other places; None for one that cannot be recorded."""
        log = SharedFolder(self.files).name_of(entry.get("files_log"))
        facts = {**entry, "files_log": str(self.files / log) if log is not None else None}
        if not self.is_foreign:
            return facts
        if facts.get("engine") in (None, "local"):
            facts["engine"] = ELSEWHERE
        return facts if _is_shallow(facts.get("notebook_outputs"), _MOST_LEVELS) else None


def here(state: Path) -> Captured:
    """Return where sessions on this machine are noted."""
    return Captured(state, is_foreign=False)


def inside(state: Path) -> Captured:
    """Return where sessions in containers are noted; they may write there whatever they like."""
    return Captured(state / "inside", is_foreign=True)


def everywhere(state: Path) -> tuple[Captured, ...]:
    """Return all places of a project's state where sessions are noted."""
    return (here(state), inside(state))


def _is_shallow(value: Any, levels: int) -> bool:
    """Return whether a value can be written down without running out of stack."""
    if isinstance(value, Mapping):
        return levels > 0 and all(_is_shallow(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_shallow(item, levels - 1) for item in value)
    return True
