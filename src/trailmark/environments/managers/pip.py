"""Python packages: resolved by uv, for one Python, into a pylock.toml (PEP 751)."""

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import replace

from packaging.pylock import Package, Pylock
from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import complete
from trailmark.environments.edit import package_name
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.lock import ResolveFailed, resolve
from trailmark.environments.managers.edit import behind
from trailmark.environments.managers.model import (
    LockedItem,
    ManagerLock,
    SolveFailed,
    Step,
    Wanted,
    go_on,
    is_later,
    is_within,
    require_short,
)
from trailmark.environments.managers.protocol import NOTHING
from trailmark.environments.model import (
    LOCK_FILE_NAME,
    PYTHON,
    EnvironmentRequest,
    Lock,
    parse_lock,
    parse_requirement,
)
from trailmark.environments.package_index import list_versions, newest_versions
from trailmark.environments.uv import Uv
from trailmark.errors import InvalidInput
from trailmark.progress import NullProgress, Progress

PREFIX = "/opt/python"


class Pip:
    """Resolves for `python`, of those that the specifier `requires` allows."""

    name = "pip"
    file_name = LOCK_FILE_NAME

    def __init__(self, python: Interpreter, uv: Uv, *, requires: str = PYTHON) -> None:
        self._python = python
        self._uv = uv
        self._requires = requires

    def check(self, requirement: str) -> str:
        """Return the requirement as PEP 508 has it. Raises InvalidInput."""
        return str(parse_requirement(require_short(requirement)))

    def name_of(self, requirement: str) -> str:
        """Return the normalised name of the package that a requirement asks for. Raises InvalidInput."""
        return package_name(require_short(requirement))

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version is what is asked for; one that an address asks for has no say in it."""
        wanted = parse_requirement(require_short(requirement))
        if wanted.url or version is None:
            return bool(wanted.url)
        return is_within(version, wanted.specifier)

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a package, with its extras, on the same systems."""
        return exactly(requirement, version)

    def parse(self, text: str) -> ManagerLock:
        """Read a pylock.toml. Raises Damaged that says where it is wrong."""
        return _as_manager_lock(parse_lock(text, self._requires))

    def solve(
        self,
        wanted: Wanted,
        keep: ManagerLock | None = None,
        *,
        move: Collection[str] = (),
        progress: Progress | None = None,
    ) -> ManagerLock:
        """Return a lock for all that is wanted together, with what JupyterLab needs.

        Raises SolveFailed with uv's own words, InvalidInput or Cancelled.
        """
        if wanted.channels:
            raise InvalidInput(
                "Where Python packages come from is set in uv's own settings. Nothing was changed."
            )
        progress = progress or NullProgress()
        go_on(progress)
        request = EnvironmentRequest(self._requires, tuple(map(self.check, wanted.requirements)))
        try:
            lock = resolve(
                request,
                python=self._python,
                uv=self._uv,
                keep=_held(parse_lock(keep.text, self._requires), move) if keep else None,
                until=wanted.snapshot,
                progress=progress,
            )
        except ResolveFailed as error:
            raise SolveFailed(str(error), output=error.output, code=error.code) from error
        return _as_manager_lock(lock)

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return well-known names that begin with `prefix`, then others that hold it."""
        return list(complete(prefix, limit))

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the newest version of each name that this Python can have; None where uv cannot tell."""
        asked = {one: self.name_of(one) for one in names}
        found = newest_versions(sorted(set(asked.values())), self._python, self._uv)
        return {one: found.get(name) for one, name in asked.items()}

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package that this Python can have, the newest first. Raises Unavailable."""
        return list_versions(self.name_of(name), self._python, self._uv, limit)

    def is_newer(self, version: str, than: str) -> bool:
        """Whether `version` comes after `than`, as Python orders them."""
        return is_later(version, than)

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it."""
        return behind(self, lock.items, self.newest(item.name for item in lock.items))

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return one step that installs the lock into /opt/python, checked against its hashes."""
        run = (
            "export UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy",
            f"uv venv --no-project --no-config --allow-existing --python {self._python.minor} {PREFIX}",
            f"uv pip sync --require-hashes --python {PREFIX}/bin/python {LOCK_FILE_NAME}",
        )
        return (Step(self.name, run, {LOCK_FILE_NAME: lock.text}, caches=("/var/cache/uv",), needs=("uv",)),)


def exactly(text: str, version: str) -> str:
    """Return what asks for just that version of a package; what an address asks for is one version already."""
    wanted = parse_requirement(require_short(text))
    if wanted.url:
        return text
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    return f"{wanted.name}{extras}=={version}{marker}"


def _held(lock: Lock, move: Collection[str]) -> Lock:
    moved = {canonicalize_name(name) for name in move}
    return replace(
        lock, packages=tuple(one for one in lock.packages if canonicalize_name(one.name) not in moved)
    )


def _as_manager_lock(lock: Lock) -> ManagerLock:
    """Return a lock as every manager has it: of packages that differ by system, the one for this machine."""
    found: dict[str, tuple[bool, LockedItem]] = {}
    described = Pylock.from_dict(tomllib.loads(lock.text)).packages
    for package, facts in zip(lock.packages, described, strict=True):
        applies = package.applies()
        if package.name not in found or (applies and not found[package.name][0]):
            found[package.name] = (applies, LockedItem(package.name, package.version, *_source(facts)))
    items = tuple(item for _, item in found.values())
    return ManagerLock("pip", LOCK_FILE_NAME, lock.text, lock.digest, items)


def _source(package: Package) -> tuple[str | None, tuple[str, ...]]:
    """Return where a package comes from, and the hashes of all its files."""
    one = package.sdist or package.archive
    files = [wheel.hashes for wheel in package.wheels or ()] + ([one.hashes] if one else [])
    hashes = {f"{kind}:{value}" for each in files for kind, value in each.items()}
    source = package.index or (package.vcs.url if package.vcs else None)
    return source, tuple(sorted(hashes))
