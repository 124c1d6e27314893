"""What was asked for, and what was resolved from it: pure values, read strictly."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Pylock, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from trailmark.environments.address import require_no_secret
from trailmark.errors import Damaged, InvalidInput

PYTHON = ">=3.11"
LOCK_FILE_NAME = "pylock.toml"
_LONGEST_LOCK = 20_000_000
_LONGEST_REQUIREMENT = 2000


@dataclass(frozen=True)
class EnvironmentRequest:
    """What a person asked for: which Pythons will do, and packages as PEP 508 requirements."""

    python: str = PYTHON
    packages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parse_python(self.python)
        seen: dict[str, Requirement] = {}
        for text in self.packages:
            requirement = parse_requirement(text)
            name = canonicalize_name(requirement.name)
            if name in seen and not (requirement.marker and seen[name].marker):
                raise InvalidInput(
                    f"The package {requirement.name} is asked for twice; keep one line for it."
                )
            seen[name] = requirement


@dataclass(frozen=True)
class LockedPackage:
    """One package of a lock. `version` is None for a source without one; `marker` says where it applies."""

    name: str
    version: str | None
    marker: str | None = None

    def applies(self, machine: Mapping[str, str] | None = None) -> bool:
        """Whether the package is meant for `machine` (marker variables; None: for this one)."""
        return self.marker is None or Marker(self.marker).evaluate(
            dict(machine) if machine else None, context="lock_file"
        )


@dataclass(frozen=True)
class Lock:
    """All that was resolved, with hashes: the text of a `pylock.toml` (PEP 751) and what it says."""

    text: str
    digest: str
    packages: tuple[LockedPackage, ...]
    requires_python: str = ""
    _names: Mapping[str, tuple[LockedPackage, ...]] = field(
        default_factory=dict, repr=False, compare=False, hash=False
    )

    def find(self, name: str, machine: Mapping[str, str] | None = None) -> LockedPackage | None:
        """Return the package of that name which applies to `machine`, if there is one."""
        return next(
            (one for one in self._names.get(canonicalize_name(name), ()) if one.applies(machine)), None
        )


def parse_python(text: str) -> SpecifierSet:
    """Read which Pythons will do, such as “>=3.11”. Raises InvalidInput."""
    try:
        return SpecifierSet(_short(text))
    except InvalidSpecifier as error:
        raise InvalidInput(
            f"“{text}” does not say which Python is meant. Write it like “>=3.11” or “==3.12.*”."
        ) from error


def parse_requirement(text: str) -> Requirement:
    """Read one requirement, such as “pandas” or “numpy>=2,<3”. Raises InvalidInput."""
    try:
        requirement = Requirement(_short(text))
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(
            f"“{text}” is not a package that can be asked for: {reason}. Write it like “pandas” or “pandas==2.1”."
        ) from error
    require_no_secret(requirement.url or "", requirement.name)
    return requirement


def parse_lock(text: str, python: str = PYTHON) -> Lock:
    """Read a `pylock.toml` that was resolved for `python`. Raises Damaged that says where it is wrong.

    The digest covers the lock's content, whatever its comments and layout, and the Python asked for.
    """
    if len(text) > _LONGEST_LOCK:
        raise Damaged(f"The lock ({LOCK_FILE_NAME}) is larger than {_LONGEST_LOCK} characters. {_MEND}")
    try:
        content = tomllib.loads(text)
        lock = Pylock.from_dict(content)
        packages = tuple(
            LockedPackage(
                package.name,
                str(package.version) if package.version else None,
                str(package.marker) if package.marker else None,
            )
            for package in lock.packages
        )
        digest = _digest(content, python)
    except PylockValidationError as error:
        raise Damaged(f"The lock ({LOCK_FILE_NAME}) is not as PEP 751 wants it: {error}. {_MEND}") from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"The lock ({LOCK_FILE_NAME}) is not valid TOML: {error}. {_MEND}") from error
    names: dict[str, tuple[LockedPackage, ...]] = {}
    for package in packages:
        names[package.name] = (*names.get(package.name, ()), package)
    return Lock(text, digest, packages, str(lock.requires_python or ""), names)


def _short(text: str) -> str:
    if len(text) > _LONGEST_REQUIREMENT:
        raise InvalidInput(
            f"“{text[:60]}…” is too long to be a package or a version ({len(text)} characters)."
        )
    return text


_MEND = "Nothing was changed; go back to a version of it that works, or lock it anew: trailmark env lock"


def _digest(content: Mapping[str, Any], python: str) -> str:
    canonical = json.dumps([python, content], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
