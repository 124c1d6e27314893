"""Notebooks whose newest commit is ahead of their file: cells were recorded that Jupyter has not saved yet.

Such a file is no change made by hand, and a later cell is merged into the commit's version, not into the file.
"""

from __future__ import annotations

import json
from pathlib import Path

from trailmark.durable import write_file
from trailmark.git import Oid, present


class UnsavedNotebooks:
    """Remembers, with a project's state, the file as it was when a cell was merged on top of it."""

    def __init__(self, state: Path) -> None:
        self._file = state / "unsaved-notebooks.json"

    def is_behind(self, path: str, saved: bytes) -> bool:
        """Return whether the file is still what a recorded cell was merged on top of."""
        return self._read().get(path) == present.blob_id(saved)

    def remember(self, path: str, saved: bytes) -> None:
        """Note that the newest commit holds cells that this file lacks."""
        known = self._read()
        if known.get(path) != present.blob_id(saved):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_file(self._file, json.dumps({**known, path: present.blob_id(saved)}).encode())

    def _read(self) -> dict[str, Oid]:
        try:
            known = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
