"""Help a person to name a Python package: completion from a shipped list."""

from functools import cache
from importlib.resources import files

from packaging.utils import canonicalize_name


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


def _by_length(name: str) -> tuple[int, str]:
    return len(name), name
