"""What the commands of a terminal have shown, kept beside its spool until the command is journalled.

A terminal that is not Jupyter's is shown by somebody else, in another process than the one that reads spools.
"""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from trailmark_capture.jupyter.screens import Screen, Screens
from trailmark_capture.text import Kept

SUFFIX = ".shown"
_WAIT_SECONDS = 0.3
_TURN_SECONDS = 0.02
_FORGET_SECONDS = 3600.0


class KeptScreens(Screens):
    """Takes what commands have shown into a folder, where `read_shown` finds it."""

    def __init__(self, folder: Path, limit: int) -> None:
        super().__init__(limit)
        self._folder = folder

    def end(self, screen: Screen, command: str | None, kept: Kept | None) -> None:
        """Write what a command has shown, whole or not at all."""
        if command is not None and kept is not None:
            outputs = [kept.output("stdout", 0)] if kept.size else []
            path = self._folder / (command + SUFFIX)
            temporary = path.with_suffix(".new")
            with contextlib.suppress(OSError):
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    json.dump(outputs, stream)
                temporary.replace(path)
        super().end(screen, None, None)


def read_shown(folder: Path, command: str, wait: float = _WAIT_SECONDS) -> list[dict[str, Any]]:
    """Return the outputs of a command that is over, and forget them; waits for what is on its way."""
    path = folder / (command + SUFFIX)
    deadline = time.monotonic() + wait
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(_TURN_SECONDS)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []


def forget_old(folder: Path) -> None:
    """Remove what nobody asked for: the command was never journalled, or was told by another reader."""
    for path in folder.glob("*" + SUFFIX):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _FORGET_SECONDS:
                path.unlink()
