"""The lock of R packages: an renv.lock, which renv restores and other tools read."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trailmark.environments.address import split_address
from trailmark.environments.managers.model import (
    LockedItem,
    ManagerLock,
    damaged,
    digest_of,
    require_lock_size,
    require_text,
)
from trailmark.environments.managers.r_packages import DEPENDENCY_FIELDS, NAME, VERSION, needs_of, split_field

FILE_NAME = "renv.lock"
MD5 = re.compile(r"[0-9a-f]{32}")
_FROM_REPOSITORIES = ("Repository", "CRAN", "Bioconductor")


@dataclass(frozen=True)
class Package:
    """One package of a lock: `fields` are those of its DESCRIPTION that say what it needs."""

    name: str
    version: str
    repository: str
    fields: Mapping[str, str]
    md5: str | None = None
    source: str = "Repository"

    @property
    def is_in_repository(self) -> bool:
        """Whether it comes from a CRAN-like repository, and not from GitHub and the like."""
        return self.source in _FROM_REPOSITORIES


@dataclass(frozen=True)
class RLock:
    """What an renv.lock says: R's version, the repositories (name → address) and the packages."""

    version: str
    repositories: Mapping[str, str]
    packages: tuple[Package, ...]


def render_lock(lock: RLock) -> str:
    """Return the text of the lock."""
    repositories = [{"Name": name, "URL": address} for name, address in lock.repositories.items()]
    packages = {one.name: _table(one) for one in sorted(lock.packages, key=lambda one: one.name)}
    content = {"R": {"Version": lock.version, "Repositories": repositories}, "Packages": packages}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_lock(text: str) -> RLock:
    """Read an renv.lock. Raises Damaged that says where it is wrong."""
    return _read(_content(text))


def parse_lock(text: str) -> ManagerLock:
    """Read an renv.lock as what every manager has. Raises Damaged that says where it is wrong."""
    content = _content(text)
    lock = _read(content)
    items = tuple(
        LockedItem.hashed(one.name, one.version, _place(one, lock), "md5", one.md5) for one in lock.packages
    )
    return ManagerLock("r", FILE_NAME, text, digest_of(content), items, lock.version)


def _place(package: Package, lock: RLock) -> str | None:
    return lock.repositories.get(package.repository) if package.is_in_repository else package.source


def _table(package: Package) -> dict[str, object]:
    fields = {
        name: split_field(package.fields[name]) for name in DEPENDENCY_FIELDS if package.fields.get(name)
    }
    return {
        "Package": package.name,
        "Version": package.version,
        "Source": package.source,
        "Repository": package.repository,
        **fields,
        "Requirements": sorted({need.name for need in needs_of(package.fields)}),
        **({"MD5sum": package.md5} if package.md5 else {}),
    }


def _content(text: str) -> dict[str, Any]:
    try:
        content = json.loads(require_lock_size(text, FILE_NAME), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise damaged(FILE_NAME, f"it is not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise damaged(FILE_NAME, "it is not a table")
    return content


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def _read(content: Mapping[str, Any]) -> RLock:
    language, packages = content.get("R"), content.get("Packages")
    version = require_text(language, "Version", FILE_NAME, "“R”")
    if not VERSION.fullmatch(version):
        raise damaged(FILE_NAME, "the version of R is none")
    listed = language.get("Repositories", []) if isinstance(language, dict) else []
    if not isinstance(listed, list):
        raise damaged(FILE_NAME, "its repositories are not a list")
    repositories = {
        require_text(one, "Name", FILE_NAME, "a repository"): require_text(
            one, "URL", FILE_NAME, "a repository"
        )
        for one in listed
    }
    if not all(map(split_address, repositories.values())):
        raise damaged(FILE_NAME, "the address of a repository is none")
    if not isinstance(packages, dict):
        raise damaged(FILE_NAME, "it lists no packages")
    return RLock(version, repositories, tuple(_package(name, packages[name]) for name in sorted(packages)))


def _package(name: str, table: object) -> Package:
    where = f"the package “{name[:60]}”"
    version, source = (require_text(table, key, FILE_NAME, where) for key in ("Version", "Source"))
    values: Mapping[str, Any] = table if isinstance(table, dict) else {}
    if not NAME.fullmatch(name) or values.get("Package", name) != name:
        raise damaged(FILE_NAME, f"{where} has a name that R would not take")
    if not VERSION.fullmatch(version):
        raise damaged(FILE_NAME, f"the version of {where} is none")
    repository, md5 = values.get("Repository", ""), values.get("MD5sum")
    if not isinstance(repository, str) or not isinstance(md5, str | None):
        raise damaged(FILE_NAME, f"{where} does not say well where it comes from")
    if md5 is not None and not MD5.fullmatch(md5):
        raise damaged(FILE_NAME, f"the “MD5sum” of {where} is none")
    return Package(name, version, repository, _fields(values, where), md5, source)


def _fields(values: Mapping[str, Any], where: str) -> dict[str, str]:
    fields = {}
    for name in DEPENDENCY_FIELDS:
        listed: Sequence[object] | object = values.get(name, [])
        entries = [listed] if isinstance(listed, str) else listed
        if not isinstance(entries, list) or not all(isinstance(one, str) for one in entries):
            raise damaged(FILE_NAME, f"the “{name}” of {where} are not a list of texts")
        if entries:
            fields[name] = ", ".join(entries)
    return fields or _requirements(values)


def _requirements(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a lock of an older renv says: names only."""
    listed = values.get("Requirements", [])
    names = [one for one in listed if isinstance(one, str) and one != "R"] if isinstance(listed, list) else []
    return {"Imports": ", ".join(names)} if names else {}
