"""Resolve all that is asked for: every manager, before anything is built or written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import content_digest
from trailmark.environments.interpreter import Interpreter, find_interpreter
from trailmark.environments.lock import resolve
from trailmark.environments.managers.edit import unmet
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.model import EnvironmentRequest, Lock, LockedPackage, parse_lock
from trailmark.environments.status import allows_python, is_current, locked_minor
from trailmark.environments.uv import Uv
from trailmark.environments.whole.asked import Asked, plain
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

    @property
    def may_choose_python(self) -> bool:
        """Whether another Python may be chosen than the locked one, where that is not on this machine."""
        return self.touched is None or self.update.get("pip", ()) is None

    def was_asked(self, manager: str, wanted: Wanted) -> bool | None:
        """Whether the lock from before was resolved for just that; None when it is not known."""
        asked = self.before.asked if self.before else None
        return asked.answers(manager, wanted) if asked else None


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
    parts: dict[str, Wanted | None] = {}
    for name, wanted in others.items():
        asked = plain(name, wanted)
        if name == "conda":
            wanted = replace(wanted, runtime=_minor_for(request, keep, means.uv))
        try:
            files[name], is_known = _resolve_other(name, wanted, asked, means.managers, keep, progress)
            parts[name] = asked if is_known else None
        except (Unavailable, SolveFailed) as error:
            if not keep.is_untouched(name) and not isinstance(error, tolerate):
                raise
            progress.step(f"{name} was not resolved: {error}")
            if keep.before and name in keep.before.others:
                files[name] = keep.before.others[name]
                parts[name] = keep.before.asked.parts.get(name) if keep.before.asked else None
    pip, is_known = _resolve_pip(request, pip_request, means.uv, keep, progress)
    then = asked_of(request)
    parts["pip"] = then.parts["pip"] if is_known else None
    known = {name: part for name, part in parts.items() if part is not None}
    return WholeLock(
        pip, request.pip.python, files, request.base, request.snippets, replace(then, parts=known)
    )


def asked_of(request: WholeRequest) -> Asked:
    """Return a request as it is kept beside its lock."""
    pip, others = joined(request)
    return Asked(
        request.pip.python,
        {name: plain(name, wanted) for name, wanted in {"pip": Wanted(pip.packages), **others}.items()},
        content_digest(request.base) if request.base else None,
        {snippet.name: snippet.digest for snippet in request.all_snippets},
    )


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
) -> tuple[Lock, bool]:
    """Return the lock of Python's packages, and whether it is known to be resolved for just that."""
    before = keep.before.pip if keep.before else None
    if before is not None and keep.is_untouched("pip") and is_current(wanted, before):
        known = keep.was_asked("pip", Wanted(wanted.packages))
        if known is not False:
            return parse_lock(before.text, wanted.python), bool(known)
    given = parse_lock(keep.hold["pip"], wanted.python) if "pip" in keep.hold else None
    if given is not None and is_current(wanted, given):
        return given, True
    python, held = _choose_python(request, keep, uv), _held(before, keep)
    if given is not None:
        held = replace(given, packages=(*given.packages, *_besides(held, given)))
    return resolve(wanted, python=python, uv=uv, keep=held, progress=progress), True


def _choose_python(request: WholeRequest, keep: Keep, uv: Uv) -> Interpreter:
    """Return the Python to resolve with: the locked one, while the request and the base allow it.

    Raises Unavailable when that is not on this machine, and nobody asked for another one.
    """
    minors = _held_minors(request, keep)
    for minor in minors:
        try:
            return find_interpreter(request.pip.python, f"=={minor}.*", uv=uv)
        except Unavailable:
            continue
    if not minors or keep.may_choose_python:
        return interpreter_for(request, uv)
    raise Unavailable(
        f"This environment is locked for Python {minors[-1]}, and this machine has none. Install it; or have it "
        "locked for another one: trailmark env update. Nothing was changed."
    )


def _minor_for(request: WholeRequest, keep: Keep, uv: Uv) -> str:
    """Return for which Python the others resolve: the one of Python's packages."""
    minors = _held_minors(request, keep)
    return minors[0] if len(minors) == 1 else _choose_python(request, keep, uv).minor


def _held_minors(request: WholeRequest, keep: Keep) -> list[str]:
    """Return the Pythons to prefer over any other, the best first: where the base has another one, that before."""
    before = keep.before
    minor = locked_minor(before.pip) if before else ""
    if before is None or not minor or not allows_python(request.pip.python, before.pip):
        return []
    of_base = minor_of(request.base)
    is_new = of_base != minor_of(before.base) or keep.update.get("pip", ()) is None
    return list(dict.fromkeys(filter(None, (of_base if is_new else None, minor))))


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


def _resolve_other(
    name: str, wanted: Wanted, asked: Wanted, managers: Managers, keep: Keep, progress: Progress
) -> tuple[LockFile, bool]:
    """Return the lock of another manager, and whether it is known to be resolved for just what is `asked`."""
    manager = manager_named(managers, name)
    file = keep.before.others.get(name) if keep.before else None
    text = file.text if file else keep.hold.get(name)
    before = manager.parse(text) if text is not None else None
    if file is not None and keep.is_untouched(name) and not unmet(manager, wanted, before):
        known = keep.was_asked(name, asked)
        if known is not False:
            return file, bool(known)
    moving = keep.update.get(name, ())
    kept = None if moving is None else before
    solved = manager.solve(wanted, kept, move=tuple(moving or ()), progress=progress)
    return LockFile(name, solved.text), True


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
