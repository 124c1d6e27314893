"""When an environment or image was last used here, so that what nothing uses can be told from what rests."""

from __future__ import annotations

import contextlib
from pathlib import Path

from trailmark.settings import Settings


def note_use(settings: Settings, digest: str) -> None:
    """Note that an environment or image is used now; that it cannot be noted stops nobody."""
    with contextlib.suppress(OSError):
        folder = _folder(settings)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / digest).touch()


def uses(settings: Settings) -> dict[str, float]:
    """Return when each was last used, by its digest."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for path in _folder(settings).iterdir():
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = path.stat().st_mtime
    return found


def forget_use(settings: Settings, digest: str) -> None:
    """Forget what was noted of one that is gone."""
    (_folder(settings) / digest).unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    return settings.home / "used"
