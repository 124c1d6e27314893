"""The lock of apt packages: exact versions with their hashes, in environment/apt.toml."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trailmark.environments.managers.debian import NAME, VERSION
from trailmark.environments.managers.model import (
    LockedItem,
    ManagerLock,
    damaged,
    digest_of,
    require_lock_size,
    require_text,
)

FILE_NAME = "apt.toml"
_ARCHITECTURE = re.compile(r"[a-z0-9-]+")
# apt has ways to reach a source that run programs; these do not.
_SOURCE = re.compile(r"deb (?:\[[^\]]+\] )?(?:https?://|file:/|copy:/)[!-~]+(?: [!-~]+)+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Package:
    """One package with its exact version. `sha256` is None when the base has it already."""

    name: str
    version: str
    architecture: str
    sha256: str | None

    @property
    def file(self) -> str:
        """The name that apt gives to its file."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


@dataclass(frozen=True)
class AptLock:
    """What an apt.toml says. `sources` are the lines to take packages from, empty: those of the base.

    `base` is the image in whose package state it was resolved, None for a machine's.
    """

    architecture: str
    packages: tuple[Package, ...]
    sources: tuple[str, ...] = ()
    snapshot: str | None = None
    base: str | None = None


def render_lock(lock: AptLock) -> str:
    """Return the text of the lock."""
    lines = ["version = 1", f"architecture = {_quoted(lock.architecture)}"]
    if lock.base:
        lines.append(f"base = {_quoted(lock.base)}")
    if lock.snapshot:
        lines.append(f"snapshot = {_quoted(lock.snapshot)}")
    if lock.sources:
        lines.append(f"sources = [{', '.join(map(_quoted, lock.sources))}]")
    for one in sorted(lock.packages, key=lambda one: one.name):
        lines += ["", "[[package]]", f"name = {_quoted(one.name)}", f"version = {_quoted(one.version)}"]
        lines.append(f"architecture = {_quoted(one.architecture)}")
        lines.append(f"sha256 = {_quoted(one.sha256)}" if one.sha256 is not None else "in-base = true")
    return "\n".join(lines) + "\n"


def read_lock(text: str) -> AptLock:
    """Read an apt.toml. Raises Damaged that says where it is wrong."""
    return _read(_content(text))


def parse_lock(text: str) -> ManagerLock:
    """Read an apt.toml as what every manager has. Raises Damaged that says where it is wrong."""
    content = _content(text)
    lock = _read(content)
    items = tuple(
        LockedItem.hashed(one.name, one.version, None, "sha256", one.sha256) for one in lock.packages
    )
    return ManagerLock("apt", FILE_NAME, text, digest_of(content), items, lock.base)


def _content(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(require_lock_size(text, FILE_NAME))
    except (ValueError, RecursionError) as error:
        raise damaged(FILE_NAME, f"it is not valid TOML ({error})") from error


def _read(content: Mapping[str, Any]) -> AptLock:
    if content.get("version") != 1:
        raise damaged(FILE_NAME, "it does not say that it is of version 1")
    architecture = require_text(content, "architecture", FILE_NAME, "it")
    sources, snapshot = content.get("sources", []), content.get("snapshot")
    if not _ARCHITECTURE.fullmatch(architecture):
        raise damaged(FILE_NAME, "its “architecture” is none")
    if not isinstance(sources, list) or not all(is_source(one) for one in sources):
        raise damaged(FILE_NAME, "its “sources” are not lines of a sources list")
    base = content.get("base")
    if not isinstance(snapshot, str | None) or not isinstance(base, str | None):
        raise damaged(FILE_NAME, "its “snapshot” or its “base” is no text")
    listed = content.get("package", [])
    if not isinstance(listed, list):
        raise damaged(FILE_NAME, "its packages are not a list of tables")
    packages = tuple(_package(one, f"package {number}") for number, one in enumerate(listed, start=1))
    if len({one.name for one in packages}) < len(packages):
        raise damaged(FILE_NAME, "it lists a package twice")
    return AptLock(architecture, packages, tuple(sources), snapshot, base)


def _package(table: object, where: str) -> Package:
    name, version, architecture = (
        require_text(table, key, FILE_NAME, where) for key in ("name", "version", "architecture")
    )
    values: Mapping[str, Any] = table if isinstance(table, dict) else {}
    for pattern, key, value in (
        (NAME, "name", name),
        (VERSION, "version", version),
        (_ARCHITECTURE, "architecture", architecture),
    ):
        if not pattern.fullmatch(value):
            raise damaged(FILE_NAME, f"the “{key}” of {where} is not as Debian has them")
    if values.get("in-base") is True:
        return Package(name, version, architecture, None)
    sha256 = require_text(table, "sha256", FILE_NAME, f"{where} ({name})")
    if not _SHA256.fullmatch(sha256):
        raise damaged(FILE_NAME, f"the “sha256” of {where} ({name}) is none")
    return Package(name, version, architecture, sha256)


def is_source(line: object) -> bool:
    """Whether a text is one line of a sources list that names binary packages."""
    return isinstance(line, str) and len(line) < 1000 and _SOURCE.fullmatch(line) is not None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
