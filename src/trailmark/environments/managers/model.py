"""What is asked of one package manager, and what it resolved: pure values."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from trailmark.errors import Cancelled, CommandFailed, Damaged, InvalidInput
from trailmark.progress import Progress

MEND = "Nothing was changed; go back to a version of it that works, or lock it anew: trailmark env lock"
_LONGEST_LOCK = 20_000_000
_LONGEST_REQUIREMENT = 2000
_SNAPSHOT = re.compile(r"(?P<day>\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))")


class SolveFailed(CommandFailed):
    """What was asked for cannot be had together; `output` holds the solver's own words."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of one manager.

    `channels` says where to look, in the manager's own way (conda: channels; apt: lines of a sources list; R:
    repositories), empty for where it looks by itself. `snapshot` is the day (2024-05-01) to resolve for. `runtime`
    is what the packages are for, where that is not the manager's own choice: R's version, for apt a base's image.
    `image` is the image in which R says where it looks by itself; None: the R of this machine.
    """

    requirements: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    snapshot: str | None = None
    runtime: str | None = None
    image: str | None = None

    def __post_init__(self) -> None:
        if self.snapshot is not None and not _SNAPSHOT.fullmatch(self.snapshot):
            raise InvalidInput(
                f"“{self.snapshot[:60]}” is not a day to take packages from. Write it like “2024-05-01”."
            )


@dataclass(frozen=True)
class LockedItem:
    """One package of a lock. `version` is None for a source without one; hashes are like “sha256:…”."""

    name: str
    version: str | None
    source: str | None = None
    hashes: tuple[str, ...] = ()

    @classmethod
    def hashed(
        cls, name: str, version: str, source: str | None, kind: str, value: str | None
    ) -> "LockedItem":
        """Return a package of a lock that has one hash of a kind, or none."""
        return cls(name, version, source, (f"{kind}:{value}",) if value else ())


@dataclass(frozen=True)
class ManagerLock:
    """All that one manager resolved: the text of a file under environment/, and what it says.

    `runtime` is what it was resolved for, as in `Wanted`; None when the lock does not say.
    """

    manager: str
    file_name: str
    text: str
    digest: str
    items: tuple[LockedItem, ...]
    runtime: str | None = None

    def find(self, name: str) -> LockedItem | None:
        """Return the package of that name, as the manager writes names."""
        return next((item for item in self.items if item.name == name), None)


@dataclass(frozen=True)
class Step:
    """One layer of an image: what to run, as root with sh -e, in a folder that holds `files` and nothing else.

    `caches` are folders worth keeping between builds, never part of the image; `needs` names the programs that
    whoever runs the step must bring when the image lacks them.
    """

    name: str
    run: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    caches: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def digest_of(content: object) -> str:
    """Return the digest of a lock's content, whatever its layout was."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def require_short(requirement: str) -> str:
    """Return the requirement without blanks around it. Raises InvalidInput for what can be none."""
    text = requirement.strip()
    if not text or len(text) > _LONGEST_REQUIREMENT or not text.isprintable():
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise InvalidInput(
            f"“{shown!s}” is not a package that can be asked for. Write its name, like “zlib”."
        )
    return text


def require_lock_size(text: str, file_name: str) -> str:
    """Return the text of a lock. Raises Damaged when no lock is that large."""
    if len(text) > _LONGEST_LOCK:
        raise Damaged(f"The lock ({file_name}) is larger than {_LONGEST_LOCK} characters. {MEND}")
    return text


def damaged(file_name: str, reason: str) -> Damaged:
    """Return the error for a lock that is not as its format wants it."""
    return Damaged(f"The lock ({file_name}) cannot be used: {reason}. {MEND}")


def require_text(table: object, key: str, file_name: str, where: str) -> str:
    """Return the text that a table of a lock must have under `key`. Raises Damaged."""
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, str) or not value or not value.isprintable():
        raise damaged(file_name, f"{where} has no usable “{key}”")
    return value


def complete_among(names: Iterable[str], text: str, limit: int) -> list[str]:
    """Return the names that begin with `text`, shorter ones first, then those that hold it elsewhere."""
    wanted = text.strip().lower()
    if not wanted or limit <= 0:
        return []
    found = sorted(
        (not low.startswith(wanted), len(name), name)
        for name in set(names)
        for low in [name.lower()]
        if wanted in low
    )
    return [name for _, _, name in found[:limit]]


def is_within(version: str, specifier: SpecifierSet) -> bool:
    """Whether a version, a prerelease or not, is one of those; a text that is no version is none."""
    try:
        return specifier.contains(version, prereleases=True)
    except ValueError:
        return False


def is_later(version: str, than: str) -> bool:
    """Whether a version of Python's comes after another; a text that is no version comes after none."""
    try:
        return Version(version) > Version(than)
    except InvalidVersion:
        return False


def go_on(progress: Progress) -> None:
    """Do nothing, or raise Cancelled when the work is no longer wanted."""
    if progress.cancelled:
        raise Cancelled("Stopped finding packages, as asked; nothing was changed.")
