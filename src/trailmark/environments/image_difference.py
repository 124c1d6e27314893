"""Compare an image with one that was built again: pure. What a build leaves behind (caches, logs) does not count."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from trailmark.engines.contents import Contents
from trailmark.environments.verify import Difference

DPKG = "var/lib/dpkg/status"
_LEFT = re.compile(
    r"(?:var/cache|var/log|var/tmp|tmp|run|dev|proc|sys|root/\.cache|var/lib/apt/lists)/|\.dockerenv$|etc/mtab$"
)
_OWNERS = (
    ("opt/python/", "a file of Python's packages is another"),
    ("opt/conda/", "a file of conda's packages is another"),
    ("usr/local/lib/R/", "a file of R's packages is another"),
    ("usr/lib/R/", "a file of R's packages is another"),
    ("opt/trailmark", "a file of Trailmark's own tools is another"),
)
_MOST = 100
_OURS = "opt/trailmark"
# Folders of packages, and dpkg's notes of its own, which say when something was installed.
_PACKAGED = ("site-packages", "dist-packages", "site-library", "library")
_TOLD = "var/lib/dpkg/"


def compare_contents(recorded: Contents, rebuilt: Contents) -> tuple[Difference, ...]:
    """Return what is not the same: system packages by their versions, then files, each with whose it is."""
    settings = _settings(recorded.settings, rebuilt.settings)
    return (*_system_packages(recorded, rebuilt), *settings, *_files(recorded, rebuilt))


def fingerprint(contents: Contents) -> dict[str, str]:
    """Return a digest for each folder of an image, of each package where packages have folders of their own."""
    lines: dict[str, list[str]] = {}
    for path, what in sorted(contents.files.items()):
        if not _LEFT.match(path) and not path.startswith(_TOLD):
            lines.setdefault(_place(path), []).append(f"{path}\0{what}\0")
    lines["settings"] = [f"{name}\0{value}\0" for name, value in sorted(contents.settings.items())]
    return {
        place: hashlib.sha256("".join(each).encode("utf-8", "surrogateescape")).hexdigest()
        for place, each in lines.items()
    }


def unlike(before: object, contents: Contents, *, tools: bool) -> tuple[Difference, ...]:
    """Return which folders hold something else than a fingerprint says; Trailmark's own `tools` only if asked for."""
    if not isinstance(before, dict):
        return ()
    now = fingerprint(contents)
    names = sorted(name for name in before.keys() | now.keys() if tools or not name.startswith(_OURS))
    cause = "not as it was when it was first built"
    return tuple(
        Difference(f"/{name}", cause, before.get(name), now.get(name))
        for name in names
        if before.get(name) != now.get(name)
    )


def _place(path: str) -> str:
    parts = path.split("/")
    if path.startswith(_OURS):
        return _OURS
    depth = next((number + 2 for number, part in enumerate(parts) if part in _PACKAGED), 2)
    return "/".join(parts[:depth])


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


def _settings(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield Difference(
                f"{name} (image)", "a setting of the image is another", one.get(name), other.get(name)
            )


def _files(recorded: Contents, rebuilt: Contents) -> Iterator[Difference]:
    one, other = recorded.files, rebuilt.files
    differing = sorted(
        path
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path) and not _LEFT.match(path) and not path.startswith(_TOLD)
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
    if path.endswith(".pyc"):
        return "bytecode, which is used in the place of its source, is another"
    return next(
        (cause for start, cause in _OWNERS if path.startswith(start)), "a file of the system is another"
    )
