"""Telling what became of the files when a project went to another state, in words and as data."""

from collections.abc import Sequence
from typing import Any

from trailmark.git.checkout import Restored
from trailmark.sessions.session import Session


def as_data(restored: Restored, told: Sequence[Session]) -> dict[str, Any]:
    """Return what changed as data; `restart` names the sessions whose kernels hold what was before."""
    return {
        "written": list(restored.written),
        "removed": list(restored.removed),
        "set_aside": {path: str(place) for path, place in restored.set_aside.items()},
        "restart": [session.id for session in told],
    }


def as_text(restored: Restored, told: Sequence[Session]) -> str:
    """Return what changed in a few lines."""
    lines = [f"{_count(len(restored.written))} changed, {len(restored.removed)} removed."]
    lines += [
        f"Git does not hold {path}; it was in the way and lies now in {place}"
        for path, place in restored.set_aside.items()
    ]
    if told:
        lines.append(
            "JupyterLab is open: its documents are reloaded. Kernels keep what is in memory until restarted."
        )
    return "\n".join(lines)


def _count(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
