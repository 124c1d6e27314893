"""Why an image cannot be built again from its lock, named as differences: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trailmark.environments.verify import Difference, hash_mismatch

_OTHER_FILE = "what the source has is not what the lock has"
_GONE = "its source does not have this version"
_APT_GONE = re.compile(r"E: Version '(?P<version>[^']+)' for '(?P<name>[^':]+)[^']*' was not found")
_APT_UNKNOWN = re.compile(r"E: Unable to locate package (?P<name>[a-z0-9][a-z0-9.+-]*)")
_APT_OTHER = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9.+-]*)_(?P<version>\S+)_[a-z0-9]+\.deb: FAILED", re.MULTILINE
)
_CONDA_OTHER = re.compile(
    r"(?P<file>\S+) is not the file that the lock names: its \w+ is (?P<found>[0-9a-f]+)"
)
_R_OTHER = re.compile(r"\S+ is not the file that the lock names: its MD5 is (?P<found>[0-9a-f]{32})")
_NO_SUCH_IMAGE = re.compile(r"manifest unknown|manifest for \S+ not found|repository \S+ not found")
_R_GONE = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9.]*) (?P<version>\S+) could not be had as the lock names it"
)


def why_not_built(said: str, base: str | None = None) -> tuple[Difference, ...]:
    """Return what stands in the way by the end of a build's log, each by its name; nothing when that is unknown.

    `base` is what the image starts from.
    """
    if _NO_SUCH_IMAGE.search(said):
        return (Difference("base", "its registry does not have it", base, None),)
    mismatch = hash_mismatch(said)
    found = [*((mismatch,) if mismatch else ()), *_system(said), *_r(said)]
    return tuple(dict.fromkeys(found or _conda(said)))


def _system(said: str) -> Iterator[Difference]:
    for match in _APT_GONE.finditer(said):
        yield Difference(f"{match['name']} (apt)", _GONE, match["version"], None)
    for match in _APT_UNKNOWN.finditer(said):
        yield Difference(f"{match['name']} (apt)", "its source does not have it", None, None)
    for match in _APT_OTHER.finditer(said):
        yield Difference(f"{match['name']} (apt)", _OTHER_FILE, match["version"], None)


def _r(said: str) -> Iterator[Difference]:
    for match in _R_GONE.finditer(said):
        other = _R_OTHER.search(said)
        cause = _OTHER_FILE if other else _GONE
        yield Difference(
            f"{match['name']} (r)", cause, match["version"], f"md5:{other['found']}" if other else None
        )


def _conda(said: str) -> Iterator[Difference]:
    for match in _CONDA_OTHER.finditer(said):
        name = match["file"].rsplit("-", 2)[0]
        yield Difference(f"{name} (conda)", _OTHER_FILE, match["file"], match["found"])
