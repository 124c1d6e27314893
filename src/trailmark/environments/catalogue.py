"""Help a person to name a package: completion from a shipped list, and the newest version through uv."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
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
    return newest_of([wanted], home=home, python=python, uv=uv, now=now).get(wanted)


def newest_of(
    names: Iterable[str], *, home: Path, python: Interpreter, uv: Uv, now: float | None = None
) -> dict[str, str]:
    """Return what `newest` says of each normalised name, without those of which it cannot tell."""
    wanted = sorted(set(names))
    asked_at = time.time() if now is None else now
    path = home / "cache" / "newest.json"
    answers = {key: (at, version) for key, at, version in _read(path) if 0 <= asked_at - at < _FRESH_SECONDS}
    found = {name: answers[key][1] for name in wanted if (key := f"{name} {python.minor}") in answers}
    told = _ask([name for name in wanted if name not in found], python, uv)
    if told:
        answers |= {f"{name} {python.minor}": (asked_at, version) for name, version in told.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps([[key, *answer] for key, answer in answers.items()]).encode())
    return found | told


def _ask(names: Sequence[str], python: Interpreter, uv: Uv) -> dict[str, str]:
    """Ask uv for all names at once; where it fails for one that it does not know, for each half of them."""
    if not names:
        return {}
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
            ["pip", "compile", "-", *options], input="\n".join(names) + "\n", timeout=20 + len(names)
        )
    except CommandFailed:
        return {}
    if not said.ok and len(names) > 1:
        middle = len(names) // 2
        return _ask(names[:middle], python, uv) | _ask(names[middle:], python, uv)
    lines = (line.partition("==") for line in said.stdout.splitlines() if said.ok)
    told = {canonicalize_name(name): version.strip() for name, separator, version in lines if separator}
    return {name: version for name, version in told.items() if name in names}


def _read(path: Path) -> Iterator[tuple[str, float, str]]:
    """Yield what the cache holds; a cache that cannot be read is an empty one."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        yield from [(str(name), float(at), str(version)) for name, at, version in stored]
    except (OSError, ValueError, TypeError):
        return


def _by_length(name: str) -> tuple[int, str]:
    return len(name), name
