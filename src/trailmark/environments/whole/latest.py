"""The newest versions of packages, as their indexes say; answers are kept for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from trailmark.durable import write_file
from trailmark.environments.managers.model import Wanted, digest_of, is_later
from trailmark.environments.whole.resolve import Managers

_FRESH_SECONDS = 3600.0
_SILENT_SECONDS = 300.0

Ask = Callable[[tuple[str, ...]], Mapping[str, str | None]]


class _Kept(NamedTuple):
    """An answer: when it was asked for, the version (None: there is none), and whether the index said anything."""

    at: float
    version: str | None
    was_told: bool


class Latest:
    """Answers from what is kept in `home`, and asks for the rest."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / "cache" / "latest.json"
        self._clock = clock

    def known(self, place: str, names: Iterable[str]) -> dict[str, str | None]:
        """Return what is kept of the newest versions; names of which nothing is kept are left out."""
        kept, now = self._read(), self._clock()
        found: dict[str, str | None] = {}
        for name in names:
            one = kept.get(f"{place} {name}")
            if one and 0 <= now - one.at < (_FRESH_SECONDS if one.was_told else _SILENT_SECONDS):
                found[name] = one.version
        return found

    def find(self, place: str, names: Iterable[str], ask: Ask) -> dict[str, str | None]:
        """Return the newest version of each name, None where there is none or it cannot be told.

        Names that `ask` does not answer could not be asked for; they are asked for again before long.
        """
        wanted = tuple(dict.fromkeys(names))
        known = self.known(place, wanted)
        missing = tuple(name for name in wanted if name not in known)
        if missing:
            answers, now = ask(missing), self._clock()
            known |= {name: answers.get(name) for name in missing}
            self._keep({f"{place} {name}": _Kept(now, known[name], name in answers) for name in missing})
        return known

    def _keep(self, answers: Mapping[str, _Kept]) -> None:
        now = self._clock()
        fresh = {key: one for key, one in self._read().items() if 0 <= now - one.at < _FRESH_SECONDS}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps(fresh | dict(answers)).encode())

    def _read(self) -> dict[str, _Kept]:
        """Return what is kept; a file that cannot be read keeps nothing."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                str(key): _Kept(float(at), version and str(version), bool(told))
                for key, (at, version, told) in stored.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def is_newer(manager: str, latest: str | None, version: str | None, managers: Managers) -> bool:
    """Whether the newest version is one that the manager puts after the other."""
    if latest is None or version is None:
        return False
    if manager == "pip":
        return is_later(latest, version)
    return manager in managers and managers[manager].is_newer(latest, version)


def of_python(minor: str) -> str:
    """Return the name under which answers of pip's index for one Python are kept: each Python has its own newest."""
    return f"pip {minor}"


def of_place(manager: str, wanted: Wanted) -> str:
    """Return the name under which a manager's answers are kept: each place that is looked in has its own newest."""
    place = (wanted.channels, wanted.snapshot, wanted.runtime, wanted.image)
    return f"{manager} {digest_of(place)[:16]}" if any(place) else manager
