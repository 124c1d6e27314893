"""The newest versions of packages, as their indexes say; answers are kept for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from trailmark.durable import write_file
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed

_FRESH_SECONDS = 3600.0
_SILENT_SECONDS = 300.0
_PATIENCE_SECONDS = 8.0
_MOST_ALONE = 12

Ask = Callable[[tuple[str, ...]], Mapping[str, str | None]]


class Latest:
    """Answers from what is kept in `home`, and asks for the rest."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / "cache" / "latest.json"
        self._clock = clock

    def known(self, manager: str, names: Iterable[str]) -> dict[str, str | None]:
        """Return what is kept of the newest versions; names of which nothing is kept are left out."""
        kept, now = self._read(), self._clock()
        found: dict[str, str | None] = {}
        for name in names:
            at, version = kept.get(f"{manager} {name}", (0.0, None))
            if 0 <= now - at < (_FRESH_SECONDS if version else _SILENT_SECONDS):
                found[name] = version
        return found

    def find(self, manager: str, names: Iterable[str], ask: Ask) -> dict[str, str | None]:
        """Return the newest version of each name, None where it cannot be told."""
        wanted = tuple(dict.fromkeys(names))
        known = self.known(manager, wanted)
        missing = tuple(name for name in wanted if name not in known)
        if missing:
            answers = ask(missing)
            known |= {name: answers.get(name) for name in missing}
            self._keep({f"{manager} {name}": (self._clock(), known[name]) for name in missing})
        return known

    def _keep(self, answers: Mapping[str, tuple[float, str | None]]) -> None:
        now = self._clock()
        fresh = {key: one for key, one in self._read().items() if 0 <= now - one[0] < _FRESH_SECONDS}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps({**fresh, **answers}).encode())

    def _read(self) -> dict[str, tuple[float, str | None]]:
        """Return what is kept; a file that cannot be read keeps nothing."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(key): (float(at), version and str(version)) for key, (at, version) in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def is_newer(latest: str | None, version: str | None) -> bool:
    """Whether the newest version is one that comes after the other; versions that have no order differ, or not."""
    if latest is None or version is None:
        return False
    try:
        return Version(latest) > Version(version)
    except InvalidVersion:
        return latest != version


def of_python(minor: str) -> str:
    """Return the name under which answers of pip's index for one Python are kept: each Python has its own newest."""
    return f"pip {minor}"


def ask_pip(names: tuple[str, ...], python: Interpreter, uv: Uv) -> dict[str, str | None]:
    """Ask pip's index for the newest versions that `python` can have: all at once, or one by one if that fails."""
    found = _compile(names, python, uv)
    if not found and 1 < len(names) <= _MOST_ALONE:
        for name in names:
            found |= _compile((name,), python, uv)
    return {name: found.get(canonicalize_name(name)) for name in names}


def _compile(names: tuple[str, ...], python: Interpreter, uv: Uv) -> dict[str, str | None]:
    options = [
        "--no-deps",
        "--no-build",
        "--no-header",
        "--no-annotate",
        "--quiet",
        "--python",
        str(python.path),
    ]
    try:
        said = uv.run(
            ["pip", "compile", "-", *options], input="\n".join(names) + "\n", timeout=_PATIENCE_SECONDS
        )
    except CommandFailed:
        return {}
    pairs = (line.strip().partition("==") for line in said.stdout.splitlines() if said.ok)
    return {canonicalize_name(name): version for name, separator, version in pairs if separator}
