"""Resolve all that is asked for: every manager, before anything is built or written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.interpreter import Interpreter, find_interpreter
from trailmark.environments.lock import resolve
from trailmark.environments.managers.edit import unmet
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.model import EnvironmentRequest, Lock, LockedPackage, parse_lock
from trailmark.environments.status import is_current
from trailmark.environments.uv import Uv
from trailmark.environments.whole.join import joined
from trailmark.environments.whole.model import OTHERS, LockFile, WholeLock, WholeRequest
from trailmark.errors import InvalidInput, TrailmarkError, Unavailable
from trailmark.progress import Progress

Managers = Mapping[str, PackageManager]


@dataclass(frozen=True)
class Means:
    """What an environment is resolved with: uv for Python's packages, an adapter for each other manager."""

    uv: Uv
    managers: Managers


@dataclass(frozen=True)
class Keep:
    """What stays as it is.

    A manager that is not among `touched` (None: all are) keeps its lock byte for byte where that still answers what
    is asked. Of those in `update`, the packages named there move to the newest, or all of them with None.
    `hold` has the texts of locks from elsewhere, by manager: the versions of pip's count before those of the lock
    from before, those of another manager's where there is no lock from before.
    """

    before: WholeLock | None = None
    touched: frozenset[str] | None = None
    update: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    hold: Mapping[str, str] = field(default_factory=dict)

    def is_untouched(self, manager: str) -> bool:
        """Whether nothing was asked otherwise of that manager."""
        return self.touched is not None and manager not in self.touched


def resolve_whole(
    request: WholeRequest,
    means: Means,
    keep: Keep,
    progress: Progress,
    *,
    tolerate: tuple[type[TrailmarkError], ...] = (),
) -> WholeLock:
    """Return a lock for everything together, per manager. Raises SolveFailed, ResolveFailed, Unavailable.

    A manager other than pip that fails with one of `tolerate`, or of which nothing else was asked, stays as it was
    locked before (or not locked), and `progress` hears of it: the environment is stale then, and says so.
    """
    pip_request, others = joined(request)
    files: dict[str, LockFile] = {}
    for name, wanted in others.items():
        try:
            files[name] = _resolve_other(name, wanted, means.managers, keep, progress)
        except (Unavailable, SolveFailed) as error:
            if not keep.is_untouched(name) and not isinstance(error, tolerate):
                raise
            progress.step(f"{name} was not resolved: {error}")
            if keep.before and name in keep.before.others:
                files[name] = keep.before.others[name]
    pip = _resolve_pip(request, pip_request, means.uv, keep, progress)
    return WholeLock(pip, request.pip.python, files, request.base, request.snippets)


def interpreter_for(request: WholeRequest, uv: Uv) -> Interpreter:
    """Return the Python to resolve with: the base's version where it is here, else one that was asked for."""
    minor = minor_of(request.base)
    if minor is not None:
        try:
            return find_interpreter(request.pip.python, f"=={minor}.*", uv=uv)
        except Unavailable:
            pass
    return find_interpreter(request.pip.python, uv=uv)


def minor_of(base: Base | None) -> str | None:
    """Return the Python of a base without the patch, such as 3.12; None when it has none."""
    version = base.languages.get("python") if base else None
    return ".".join(version.split(".")[:2]) if version and "." in version else None


def _resolve_pip(
    request: WholeRequest, wanted: EnvironmentRequest, uv: Uv, keep: Keep, progress: Progress
) -> Lock:
    before = keep.before.pip if keep.before else None
    if before is not None and keep.is_untouched("pip") and is_current(wanted, before):
        return before
    given = parse_lock(keep.hold["pip"], request.pip.python) if "pip" in keep.hold else None
    if given is not None and is_current(wanted, given):
        return given
    python, held = interpreter_for(request, uv), _held(before, keep)
    if given is not None:
        held = replace(given, packages=(*given.packages, *_besides(held, given)))
    return resolve(wanted, python=python, uv=uv, keep=held, progress=progress)


def _besides(held: Lock | None, given: Lock) -> Iterator[LockedPackage]:
    """Yield the packages of a lock that another does not name."""
    named = {canonicalize_name(one.name) for one in given.packages}
    for one in held.packages if held else ():
        if canonicalize_name(one.name) not in named:
            yield one


def _held(before: Lock | None, keep: Keep) -> Lock | None:
    """Return the lock with those packages only that are to stay at their versions."""
    moving = keep.update.get("pip", ())
    if before is None or moving is None:
        return None
    names = {canonicalize_name(name) for name in moving}
    return replace(
        before, packages=tuple(one for one in before.packages if canonicalize_name(one.name) not in names)
    )


def _resolve_other(name: str, wanted: Wanted, managers: Managers, keep: Keep, progress: Progress) -> LockFile:
    manager = manager_named(managers, name)
    file = keep.before.others.get(name) if keep.before else None
    text = file.text if file else keep.hold.get(name)
    before = manager.parse(text) if text is not None else None
    if file is not None and keep.is_untouched(name) and not unmet(manager, wanted, before):
        return file
    moving = keep.update.get(name, ())
    kept = None if moving is None else before
    return LockFile(name, manager.solve(wanted, kept, move=tuple(moving or ()), progress=progress).text)


def manager_named(managers: Managers, name: str) -> PackageManager:
    """Return a manager. Raises InvalidInput for one that there is not, Unavailable for one that is not here."""
    if name not in managers:
        if name in OTHERS:
            raise Unavailable(f"This installation cannot ask {name} for packages. Nothing was changed.")
        known = ", ".join(["pip", *managers])
        raise InvalidInput(
            f"There is no package manager {name} here: there are {known}. Nothing was changed."
        )
    return managers[name]
