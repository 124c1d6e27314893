"""Compare an image with one that was built again: pure. What a build leaves behind (caches, logs) does not count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from trailmark.engines.contents import Contents
from trailmark.environments.verify import Difference

DPKG = "var/lib/dpkg/status"
_LEFT = re.compile(
    r"(?:var/cache|var/log|var/tmp|tmp|run|dev|proc|sys|root/\.cache|var/lib/apt/lists)/|.*\.pyc$|\.dockerenv$|etc/mtab$"
)
_OWNERS = (
    ("opt/python/", "a file of Python's packages is another"),
    ("opt/conda/", "a file of conda's packages is another"),
    ("usr/local/lib/R/", "a file of R's packages is another"),
    ("usr/lib/R/", "a file of R's packages is another"),
    ("opt/trailmark", "a file of Trailmark's own tools is another"),
)
_MOST = 100


def compare_contents(recorded: Contents, rebuilt: Contents) -> tuple[Difference, ...]:
    """Return what is not the same: system packages by their versions, then files, each with whose it is."""
    return (*_system_packages(recorded, rebuilt), *_files(recorded, rebuilt))


def counted(contents: Contents) -> int:
    """Return how many files of an image are compared."""
    return sum(not _LEFT.match(path) for path in contents.files)


def system_packages(status: str) -> dict[str, str]:
    """Return name → version of the packages that dpkg's status says are installed."""
    found = {}
    for paragraph in status.split("\n\n"):
        facts = dict(
            line.partition(": ")[::2] for line in paragraph.splitlines() if line[:1] not in (" ", "")
        )
        if facts.get("Status", "").endswith(" installed") and "Package" in facts:
            found[facts["Package"]] = facts.get("Version", "")
    return found


def _system_packages(recorded: Contents, rebuilt: Contents) -> Iterator[Difference]:
    one = system_packages(recorded.texts.get(DPKG, ""))
    other = system_packages(rebuilt.texts.get(DPKG, ""))
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield Difference(f"{name} (apt)", "another version", one.get(name), other.get(name))


def _files(recorded: Contents, rebuilt: Contents) -> Iterator[Difference]:
    one, other = recorded.files, rebuilt.files
    differing = sorted(
        path
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path) and not _LEFT.match(path) and not path.startswith("var/lib/dpkg/")
    )
    for path in differing[:_MOST]:
        yield Difference(f"/{path}", _cause(path, one, other), one.get(path), other.get(path))
    if len(differing) > _MOST:
        yield Difference("files", f"{len(differing) - _MOST:,} more are others", None, None)


def _cause(path: str, one: Mapping[str, str], other: Mapping[str, str]) -> str:
    if path not in one:
        return "it is in the rebuilt image only"
    if path not in other:
        return "it is not in the rebuilt image"
    return next(
        (cause for start, cause in _OWNERS if path.startswith(start)), "a file of the system is another"
    )
