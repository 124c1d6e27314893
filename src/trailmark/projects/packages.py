"""A project's packages: what is asked of each manager, the lock that answers it, and the environment made from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType

from trailmark.activity import Action, Change, NewFile, file_ref, require_quiet
from trailmark.environments import edit
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import render_base
from trailmark.environments.installed import installed_packages
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.managers import edit as edit_other
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.realise import Realised, ensure, python_version
from trailmark.environments.uv import Uv
from trailmark.environments.whole.model import OTHERS, WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Keep, Means, manager_named, resolve_whole
from trailmark.errors import InvalidInput, TrailmarkError, Unavailable
from trailmark.progress import Progress
from trailmark.projects.alter import alter
from trailmark.projects.catch_up import catch_up
from trailmark.projects.difference_of_locks import difference_of_locks
from trailmark.projects.environment import LOCK_PATH, current_lock, facts_of, find_made, whole_request
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.new import BASE_PATH
from trailmark.projects.project import Project


@dataclass(frozen=True)
class _Alteration:
    """What becomes of an environment: another request, what it is called, and which versions stay."""

    title: str
    request: WholeRequest
    touched: frozenset[str] | None = None
    update: dict[str, Collection[str] | None] | None = None
    hold: Mapping[str, str] = field(default_factory=dict)


def ready_environment(project: Project, uv: Uv, progress: Progress, *, actor: str = "person") -> Realised:
    """Make the part of the project's environment that runs on this machine, if it is not there yet.

    What was never locked is locked first, as far as this machine can.
    """
    lock = current_lock(project)
    if lock is None:
        alteration = _Alteration("Locked the environment", whole_request(project))
        lock = _carry_out(
            project, alteration, Means(uv, {}), progress, actor, tolerate=(Unavailable, SolveFailed)
        )
    return _realised(project, lock, uv, progress)


def lock_environment(
    project: Project, means: Means, progress: Progress, *, actor: str = "person"
) -> WholeLock:
    """Resolve what the project asks for and record the lock. A failing resolve changes nothing."""
    return _carry_out(
        project, _Alteration("Locked the environment", whole_request(project)), means, progress, actor
    )


def update(
    project: Project,
    means: Means,
    progress: Progress,
    *,
    names: tuple[str, ...] = (),
    manager: str | None = None,
    actor: str = "person",
) -> WholeLock:
    """Resolve again with the newest versions: of all packages, of one manager's, or of those that are named."""
    request = whole_request(project)
    managers = [manager] if manager else ["pip"] if names else ["pip", *OTHERS]
    for each in filter(lambda name: name != "pip", managers):
        if manager is not None:
            manager_named(means.managers, each)
    moving: dict[str, Collection[str] | None] = dict.fromkeys(managers, names or None)
    title = f"Updated {_listed(names)}" if names else "Updated the packages"
    alteration = _Alteration(title, request, frozenset(managers), moving)
    return _carry_out(project, alteration, means, progress, actor)


def add(
    project: Project,
    names: tuple[str, ...],
    means: Means,
    progress: Progress,
    *,
    manager: str = "pip",
    channels: tuple[str, ...] = (),
    snapshot: str | None = None,
    actor: str = "person",
) -> WholeLock:
    """Ask for more packages: resolve, install, record. Raises an error with the resolver's reason.

    `channels` and `snapshot` say where that manager looks from now on, and of which day; none leaves that as it is.
    """
    request = _looking_at(whole_request(project), manager, channels, snapshot)
    request = _edited(request, manager, means, names, edit.add, edit_other.add)
    alteration = _Alteration(f"Added {_listed(names)}", request, frozenset((manager,)))
    return _carry_out(project, alteration, means, progress, actor)


def remove(
    project: Project,
    names: tuple[str, ...],
    means: Means,
    progress: Progress,
    *,
    manager: str = "pip",
    actor: str = "person",
) -> WholeLock:
    """Stop asking for packages. Raises InvalidInput or NotFound for one that was not asked for."""
    request = _edited(whole_request(project), manager, means, names, edit.remove, edit_other.remove)
    alteration = _Alteration(f"Removed {_listed(names)}", request, frozenset((manager,)))
    return _carry_out(project, alteration, means, progress, actor)


def ask_otherwise(
    project: Project,
    title: str,
    request: WholeRequest,
    means: Means,
    progress: Progress,
    *,
    touched: frozenset[str] | None = None,
    hold: Mapping[str, str] = MappingProxyType({}),
    actor: str = "person",
) -> WholeLock:
    """Ask for something else altogether, such as another base: resolve, install, record.

    `touched` names the managers of which something else is asked; None: all. `hold` has locks from elsewhere, by
    manager, whose versions are kept to. What this machine cannot ask for is left to be locked elsewhere.
    """
    alteration = _Alteration(title, request, touched, hold=hold)
    return _carry_out(project, alteration, means, progress, actor, tolerate=(Unavailable,))


def _looking_at(
    request: WholeRequest, manager: str, channels: tuple[str, ...], snapshot: str | None
) -> WholeRequest:
    if not channels and snapshot is None:
        return request
    if manager == "pip":
        raise InvalidInput(
            "Where Python packages come from is set in uv's own settings. Nothing was changed."
        )
    if manager == "conda" and snapshot is not None:
        raise InvalidInput("Channels of conda have no days. Nothing was changed.")
    own = request.others.get(manager, Wanted())
    looking = replace(own, channels=channels or own.channels, snapshot=snapshot or own.snapshot)
    return replace(request, others={**request.others, manager: looking})


def _edited(
    request: WholeRequest,
    manager: str,
    means: Means,
    names: tuple[str, ...],
    edit_pip: Callable[[EnvironmentRequest, str], EnvironmentRequest],
    edit_else: Callable[[PackageManager, Wanted, str], Wanted],
) -> WholeRequest:
    if manager == "pip":
        return replace(request, pip=reduce(edit_pip, names, request.pip))
    adapter = manager_named(means.managers, manager)
    wanted = request.others.get(manager, Wanted())
    for name in names:
        wanted = edit_else(adapter, wanted, name)
    others = {**request.others, manager: wanted}
    return replace(request, others={each: one for each, one in others.items() if one != Wanted()})


def _realised(project: Project, lock: WholeLock, uv: Uv, progress: Progress) -> Realised:
    ready = find_made(project, lock)
    if ready is not None:
        return ready
    wanted = [text for text in (lock.python, lock.pip.requires_python) if text]
    interpreter = find_interpreter(*wanted, uv=uv)
    made = ensure(lock.pip, home=project.settings.home, python=interpreter, uv=uv, progress=progress)
    return replace(made, digest=lock.digest)


def _carry_out(
    project: Project,
    alteration: _Alteration,
    means: Means,
    progress: Progress,
    actor: str,
    *,
    tolerate: tuple[type[TrailmarkError], ...] = (),
) -> WholeLock:
    """Resolve and install first; then write what is asked for and what was resolved, as one record."""
    require_quiet(project.repository)
    catch_up(project)
    before = current_lock(project)
    keep = Keep(before, alteration.touched, alteration.update or {}, alteration.hold)
    lock = resolve_whole(alteration.request, means, keep, progress, tolerate=tolerate)
    made = _realised(project, lock, means.uv, progress)
    installed = installed_packages(made.path)
    with project.trail.lock:
        catch_up(project)
        manifest = edit_manifest(project.manifest_text(), **facts_of(alteration.request))
        files = {FILE_NAME: manifest.encode(), **_files(lock)}
        gone = frozenset(_files(before) if before else ()) - files.keys()
        action = Action(
            "environment",
            alteration.title,
            actor=actor,
            tool="trailmark",
            engine="local",
            environment=lock.digest,
            writes=tuple(file_ref(path, content) for path, content in files.items()),
            deletes=tuple(sorted(gone)),
            detail={
                "changes": difference_of_locks(before, lock, means.managers),
                "packages": list(alteration.request.pip.packages),
                "parts": lock.parts(),
                "interpreter": python_version(made),
                "files": {package.name: package.digest for package in installed.values()},
            },
        )
        put = {path: NewFile(data) for path, data in files.items()}
        alter(project, action, Change(put=put, remove=gone))
    return lock


def _files(lock: WholeLock) -> dict[str, bytes]:
    """Return the files under environment/ that hold a lock."""
    files = {LOCK_PATH: lock.pip.text.encode()}
    files |= {file.path: file.text.encode() for file in lock.others.values()}
    files |= {snippet.path: snippet.text.encode() for snippet in lock.snippets}
    return files | (_base_file(lock.base) if lock.base else {})


def _base_file(base: Base) -> dict[str, bytes]:
    return {BASE_PATH: render_base(base).encode()}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
