"""Help a person to name a package: completion from a shipped list, and the newest version through uv."""

import json
import time
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from packaging.utils import canonicalize_name

from trailmark.durable import write_file
from trailmark.environments.edit import package_name
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed, InvalidInput

_FRESH_SECONDS = 3600.0


@cache
def known_names() -> tuple[str, ...]:
    """Return the names of packages that scientists use, as shipped with Trailmark, in order."""
    text = files("trailmark.environments").joinpath("names.txt").read_text(encoding="utf-8")
    return tuple(text.split())


def complete(prefix: str, limit: int = 20) -> tuple[str, ...]:
    """Return known names that begin with `prefix`, shorter ones first, then names that hold it elsewhere."""
    wanted = canonicalize_name(prefix.strip())
    if not wanted:
        return ()
    beginning = sorted((name for name in known_names() if name.startswith(wanted)), key=_by_length)
    within = sorted((name for name in known_names() if wanted in name[1:]), key=_by_length)
    return tuple(dict.fromkeys((*beginning, *within)))[: max(limit, 0)]


def newest(name: str, *, home: Path, python: Interpreter, uv: Uv, now: float | None = None) -> str | None:
    """Return the newest version that `python` can have, as uv's index says, or None when it cannot tell.

    An answer is kept in `home` for an hour. Nothing is downloaded but facts, and no code is run.
    """
    try:
        wanted = package_name(name)
    except InvalidInput:
        return None
    asked_at = time.time() if now is None else now
    path = home / "cache" / "newest.json"
    key = f"{wanted} {python.minor}"
    answers = {
        name: (at, version) for name, at, version in _read(path) if 0 <= asked_at - at < _FRESH_SECONDS
    }
    if key in answers:
        return answers[key][1]
    version = _ask(wanted, python, uv)
    if version is not None:
        answers[key] = (asked_at, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps([[name, *answer] for name, answer in answers.items()]).encode())
    return version


def _ask(name: str, python: Interpreter, uv: Uv) -> str | None:
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
        said = uv.run(["pip", "compile", "-", *options], input=f"{name}\n", timeout=20)
    except CommandFailed:
        return None
    found, separator, version = said.stdout.strip().partition("==")
    return version if said.ok and separator and canonicalize_name(found) == name else None


def _read(path: Path) -> Iterator[tuple[str, float, str]]:
    """Yield what the cache holds; a cache that cannot be read is an empty one."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        yield from [(str(name), float(at), str(version)) for name, at, version in stored]
    except (OSError, ValueError, TypeError):
        return


def _by_length(name: str) -> tuple[int, str]:
    return len(name), name
