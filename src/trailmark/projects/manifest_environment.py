"""The part of `trailmark.toml` that asks for an environment beyond Python's packages: base, managers, resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from trailmark.environments.bases.read import ID
from trailmark.environments.managers.model import Wanted
from trailmark.errors import InvalidInput

OTHERS = ("conda", "apt", "r")
_SIZE = re.compile(r"(?P<count>\d{1,15}(?:\.\d{1,3})?)\s*(?P<unit>[KMGT]i?B|B)", re.IGNORECASE)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_MOST_BYTES = 2**60
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_FIELDS = {
    "conda": {"channels", "packages"},
    "apt": {"channels", "packages", "snapshot"},
    "r": {"channels", "packages", "snapshot"},
}
_RESOURCES = {"cpus", "memory", "shared_memory", "gpu"}
_MOST_CPUS = 4096
_KNOWN = ("base", "python", "packages", "resources", *OTHERS)


@dataclass(frozen=True)
class Resources:
    """What a session of the project may use; None is without limit."""

    cpus: float | None = None
    memory_bytes: int | None = None
    shared_memory_bytes: int | None = None
    gpu: bool = False


def require_known(environment: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a setting of the environment that there is not: nothing would come of it."""
    unknown = sorted(environment.keys() - set(_KNOWN))
    if not unknown:
        return
    name = unknown[0]
    near = ["packages"] if name == "pip" else get_close_matches(name, _KNOWN, n=1)
    of_pip = " of [environment] itself: pip's packages stand there" if name == "pip" else ""
    hint = f" Did you mean “{near[0]}”{of_pip}?" if near else f" There are: {', '.join(_KNOWN)}."
    raise InvalidInput(f"“environment.{name[:60]}” in trailmark.toml is no setting that there is.{hint}")


def read_base(environment: Mapping[str, Any]) -> str | None:
    """Return the id of the base that is asked for, None when there is none. Raises InvalidInput."""
    base = environment.get("base")
    if base is None or base == "":
        return None
    if not isinstance(base, str) or not ID.fullmatch(base):
        raise _wrong("base", "be the id of a base, such as “python-minimal”")
    return base


def read_others(environment: Mapping[str, Any]) -> dict[str, Wanted]:
    """Return what is asked of each manager but pip, and where it looks; those left out of which nothing is said."""
    found = {}
    for name in OTHERS:
        table = environment.get(name, {})
        if not isinstance(table, dict):
            raise _wrong(name, "be a table")
        unknown = sorted(table.keys() - _FIELDS[name])
        if unknown:
            raise _wrong(f"{name}.{unknown[0][:60]}", "not be there: it is no setting of this manager")
        wanted = Wanted(_texts(table, name, "packages"), _texts(table, name, "channels"), _day(table, name))
        if wanted != Wanted():
            found[name] = wanted
    return found


def read_resources(environment: Mapping[str, Any]) -> Resources:
    """Return what a session may use. Raises InvalidInput."""
    table = environment.get("resources", {})
    if not isinstance(table, dict):
        raise _wrong("resources", "be a table")
    unknown = sorted(table.keys() - _RESOURCES)
    if unknown:
        raise _wrong(f"resources.{unknown[0][:60]}", "not be there: it is no limit")
    gpu = table.get("gpu", False)
    if not isinstance(gpu, bool):
        raise _wrong("resources.gpu", "be true or false")
    return Resources(
        _cpus(table.get("cpus")), _size(table.get("memory"), "memory"),
        _size(table.get("shared_memory"), "shared_memory"), gpu,
    )  # fmt: skip


def parse_size(text: str) -> int | None:
    """Return how many bytes “4 GB” or “512 MiB” are, None for what says no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    count = int(float(match["count"]) * (_UNITS | _BINARY)[match["unit"].lower()])
    return count if 0 < count <= _MOST_BYTES else None


def read_secret_files(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the secret files that a project names, with where each is mounted. Raises InvalidInput."""
    table = value.get("secret_files", {})
    if not isinstance(table, dict):
        raise InvalidInput("“secret_files” in trailmark.toml must be a table of names and places.")
    for name, place in table.items():
        if not VARIABLE.fullmatch(name):
            raise InvalidInput(f"“{name[:60]}” in trailmark.toml cannot be the name of a secret file.")
        if not isinstance(place, str) or not _is_place(place):
            raise InvalidInput(
                f"“secret_files.{name}” in trailmark.toml must be a place such as "
                "“/run/secrets/key.json” or “~/.netrc”."
            )
    return dict(table)


def _is_place(place: str) -> bool:
    parts = PurePosixPath(place).parts
    is_below = place.startswith(("/run/secrets/", "~/")) and len(parts) > 1 and not place.endswith("/")
    return is_below and ".." not in parts and place.isprintable() and len(place) <= 300 and ":" not in place


def written_size(count: int | None) -> str | None:
    """Return a size as a person writes it, exactly; None for none."""
    if count is None:
        return None
    for unit, factor in (("GB", 10**9), ("GiB", 2**30), ("MB", 10**6), ("MiB", 2**20)):
        if count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def _cpus(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= _MOST_CPUS:
        raise _wrong("resources.cpus", "be a number above zero")
    return float(value)


def _size(value: object, name: str) -> int | None:
    if value is None:
        return None
    size = parse_size(value) if isinstance(value, str) else None
    if size is None:
        raise _wrong(f"resources.{name}", "be written like “4 GB” or “512 MiB”")
    return size


def _texts(table: Mapping[str, Any], name: str, key: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _wrong(f"{name}.{key}", "be a list of texts")
    return tuple(found)


def _day(table: Mapping[str, Any], name: str) -> str | None:
    found = table.get("snapshot")
    if found is None or isinstance(found, str):
        return found
    if type(found).__name__ == "date":
        return str(found)
    raise _wrong(f"{name}.snapshot", "be a day, such as “2024-05-01”")


def _wrong(where: str, must: str) -> InvalidInput:
    return InvalidInput(f"“environment.{where}” in trailmark.toml must {must}.")
