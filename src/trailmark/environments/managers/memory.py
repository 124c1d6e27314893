"""A package manager without any index but the one that it is given: for the tests of whoever uses managers."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from trailmark.environments.managers.edit import behind
from trailmark.environments.managers.model import (
    LockedItem,
    ManagerLock,
    SolveFailed,
    Step,
    Wanted,
    complete_among,
    damaged,
    digest_of,
    go_on,
    is_later,
    is_within,
    require_lock_size,
    require_short,
    require_text,
)
from trailmark.environments.managers.plan import Candidate, Need, NoPlan, plan_versions
from trailmark.environments.managers.protocol import NOTHING
from trailmark.errors import InvalidInput
from trailmark.progress import NullProgress, Progress


class Memory:
    """Knows `index`: name → version → requirements of that version, written as pip has them."""

    file_name = "memory.lock"

    def __init__(self, index: Mapping[str, Mapping[str, Sequence[str]]], name: str = "memory") -> None:
        self.name = name
        self._index = index

    def check(self, requirement: str) -> str:
        """Return the requirement in its normal form. Raises InvalidInput."""
        return str(_read(requirement))

    def name_of(self, requirement: str) -> str:
        """Return the name of the package that a requirement asks for. Raises InvalidInput."""
        return canonicalize_name(_read(requirement).name)

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version is what is asked for."""
        return version is not None and is_within(version, _read(requirement).specifier)

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a package. Raises InvalidInput."""
        return f"{self.name_of(requirement)}=={version}"

    def parse(self, text: str) -> ManagerLock:
        """Read a lock. Raises Damaged."""
        try:
            content = json.loads(require_lock_size(text, self.file_name))
        except (ValueError, RecursionError) as error:
            raise damaged(self.file_name, f"it is not JSON ({error})") from error
        listed = content.get("packages") if isinstance(content, dict) else None
        if not isinstance(listed, list):
            raise damaged(self.file_name, "it lists no packages")
        items = tuple(
            LockedItem(
                require_text(one, "name", self.file_name, f"package {number}"),
                require_text(one, "version", self.file_name, f"package {number}"),
            )
            for number, one in enumerate(listed, start=1)
        )
        return ManagerLock(self.name, self.file_name, text, digest_of(content), items)

    def solve(
        self,
        wanted: Wanted,
        keep: ManagerLock | None = None,
        *,
        move: Collection[str] = (),
        progress: Progress | None = None,
    ) -> ManagerLock:
        """Return a lock for all that is wanted together. Raises SolveFailed."""
        progress = progress or NullProgress()
        progress.step("Finding versions that fit together")
        go_on(progress)
        kept = {one.name: one.version for one in (keep.items if keep else ()) if one.name not in move}

        try:
            chosen = plan_versions(
                [_need(text) for text in wanted.requirements],
                lambda name: self._candidates(name, kept.get(name)),
                pause=lambda: go_on(progress),
            )
        except NoPlan as error:
            raise SolveFailed(
                f"The packages could not be resolved, so nothing was changed. The solver says:\n{error}",
                output=str(error),
            ) from error
        packages = [{"name": name, "version": chosen[name].version} for name in sorted(chosen)]
        return self.parse(json.dumps({"packages": packages}, indent=2) + "\n")

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return names that begin with `prefix`, then others that hold it."""
        return complete_among(self._index, prefix, limit)

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the newest version of each name; None for a name that is not there."""
        return {name: next(iter(self._versions(canonicalize_name(name))), None) for name in names}

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package, the newest first."""
        return self._versions(self.name_of(name))[:limit]

    def is_newer(self, version: str, than: str) -> bool:
        """Whether `version` comes after `than`, as pip orders them."""
        return is_later(version, than)

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it."""
        return behind(self, lock.items, self.newest(item.name for item in lock.items))

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return one step that shows the lock."""
        return (Step(self.name, (f"cat {self.file_name}",), {self.file_name: lock.text}),)

    def _versions(self, name: str) -> list[str]:
        return sorted(self._index.get(name, ()), key=Version, reverse=True)

    def _candidates(self, name: str, kept: str | None) -> list[Candidate]:
        ordered = sorted(self._versions(name), key=lambda version: version != kept)
        return [
            Candidate(name, version, tuple(map(_need, self._index[name][version]))) for version in ordered
        ]


def _read(text: str) -> Requirement:
    try:
        return Requirement(require_short(text))
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"“{text}” is not a package that can be asked for: {reason}.") from error


def _need(text: str) -> Need:
    requirement = _read(text)

    def allows(version: str) -> bool:
        return is_within(version, requirement.specifier)

    return Need(canonicalize_name(requirement.name), text, allows)
