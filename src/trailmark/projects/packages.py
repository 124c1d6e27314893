"""A project's packages: what is asked of each manager, the lock that answers it, and the environment made from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import reduce
from types import MappingProxyType

from packaging.utils import canonicalize_name

from trailmark.environments import edit
from trailmark.environments.managers import edit as edit_other
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.realise import Realised
from trailmark.environments.whole.join import joined
from trailmark.environments.whole.model import OTHERS, WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Means, asked_of, manager_named
from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.progress import Progress
from trailmark.projects.environment import (
    chosen_base,
    current_lock,
    readable_request,
    readable_snippets,
    request_with,
    snippets_of,
    whole_request,
)
from trailmark.projects.project import Project
from trailmark.projects.relock import Alteration, Relocked, make_realised, relock

_LOCKED = "Locked the environment"


def ready_environment(
    project: Project, means: Means, progress: Progress, *, actor: str = "person"
) -> Realised:
    """Make the part of the project's environment that runs on this machine, if it is not there yet.

    What was never locked is locked first, as far as this machine can.
    """
    lock = current_lock(project)
    if lock is None:
        tolerated = (Unavailable, SolveFailed)
        lock = relock(project, lambda: _as_asked(project), means, progress, actor, tolerate=tolerated).lock
    else:
        tell_if_asked_otherwise(project, lock, progress)
    return make_realised(project, lock, means.uv, progress)


def tell_if_asked_otherwise(project: Project, lock: WholeLock, progress: Progress) -> None:
    """Tell when the project asks for something else than was locked: a launch uses what was locked."""
    request, problems = readable_request(project)
    if problems or (lock.asked is not None and lock.asked != asked_of(request)):
        progress.step(
            "The environment is used as it was locked; something else is asked for by now: trailmark env lock"
        )


def lock_environment(
    project: Project, means: Means, progress: Progress, *, actor: str = "person", makes: bool = True
) -> Relocked:
    """Resolve what the project asks for and record the lock, unless it is the same.

    A failing resolve changes nothing. A part of the lock that is damaged is locked as if it had not been before.
    Without `makes` nothing is installed on this machine.
    """

    def plan() -> Alteration:
        base = chosen_base(project, mends=True)
        return Alteration(_LOCKED, request_with(project, base, snippets_of(project)))

    return relock(project, plan, means, progress, actor, mends=True, makes=makes)


def update(
    project: Project,
    means: Means,
    progress: Progress,
    *,
    names: tuple[str, ...] = (),
    manager: str | None = None,
    actor: str = "person",
) -> Relocked:
    """Resolve again with the newest versions: of all packages, of one manager's, or of those that are named.

    Names are looked for with all managers where none is named. Raises NotFound for one that the environment has not.
    """
    title = f"Updated {_listed(names)}" if names else "Updated the packages"

    def plan() -> Alteration:
        request = whole_request(project)
        moving = _moving(project, request, means, names, manager)
        return Alteration(title, request, frozenset(moving), moving)

    return relock(project, plan, means, progress, actor)


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
) -> Relocked:
    """Ask for more packages: resolve, install, record. Raises an error with the resolver's reason.

    `channels` and `snapshot` say where that manager looks from now on, and of which day; none leaves that as it is.
    """

    def ask(request: WholeRequest) -> WholeRequest:
        request = _looking_at(request, manager, channels, snapshot)
        return _edited(request, manager, means, names, edit.add, edit_other.add)

    title, touched = f"Added {_listed(names)}", frozenset((manager,))
    plan = _plan(project, title, ask, touched=touched)
    return relock(project, plan, means, progress, actor)


def remove(
    project: Project,
    names: tuple[str, ...],
    means: Means,
    progress: Progress,
    *,
    manager: str = "pip",
    actor: str = "person",
) -> Relocked:
    """Stop asking for packages. Raises InvalidInput or NotFound for one that was not asked for."""

    def ask(request: WholeRequest) -> WholeRequest:
        return _edited(request, manager, means, names, edit.remove, edit_other.remove)

    title, touched = f"Removed {_listed(names)}", frozenset((manager,))
    plan = _plan(project, title, ask, touched=touched)
    return relock(project, plan, means, progress, actor)


def ask_otherwise(
    project: Project,
    title: str,
    ask: Callable[[WholeRequest], WholeRequest],
    means: Means,
    progress: Progress,
    *,
    touched: frozenset[str] | None = None,
    hold: Mapping[str, str] = MappingProxyType({}),
    actor: str = "person",
) -> Relocked:
    """Ask for something else altogether: `ask` makes it of what is asked for. Resolve, install, record.

    `touched` names the managers of which something else is asked; None: all. `hold` has locks from elsewhere, by
    manager, whose versions are kept to. What this machine cannot ask for is left to be locked elsewhere.
    """
    plan = _plan(project, title, ask, touched=touched, hold=hold)
    return relock(project, plan, means, progress, actor, tolerate=(Unavailable,))


def _plan(
    project: Project,
    title: str,
    ask: Callable[[WholeRequest], WholeRequest],
    *,
    touched: frozenset[str] | None,
    hold: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[], Alteration]:
    return lambda: Alteration(title, ask(whole_request(project)), touched, hold=hold)


def _as_asked(project: Project) -> Alteration:
    return Alteration(_LOCKED, whole_request(project))


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


def _moving(
    project: Project, request: WholeRequest, means: Means, names: tuple[str, ...], manager: str | None
) -> dict[str, Collection[str] | None]:
    """Return what is to move, by manager: all of its packages with None. Raises NotFound for what is not there."""
    if manager not in (None, "pip"):
        manager_named(means.managers, str(manager))
    if not names:
        if manager not in (None, "pip", *joined(request)[1]):
            raise NotFound(f"Nothing is asked of {manager}, so nothing was changed.")
        return dict.fromkeys([manager] if manager else ["pip", *OTHERS])
    lock = current_lock(project, readable_snippets(project)[0])
    found: dict[str, list[str]] = {}
    for name in names:
        having = [
            each
            for each in ([manager] if manager else ["pip", *OTHERS])
            if _has(request, lock, means, each, name)
        ]
        if not having:
            where = f"{manager} has" if manager else "This environment has"
            raise NotFound(
                f"{where} no package {name} here, so nothing was changed. What there is: trailmark env."
            )
        for each in having:
            found.setdefault(each, []).append(name if each == "pip" else means.managers[each].name_of(name))
    return dict(found)


def _has(request: WholeRequest, lock: WholeLock | None, means: Means, manager: str, name: str) -> bool:
    """Whether a manager was asked for a package, or has it in its lock."""
    pip, others = joined(request)
    if manager != "pip" and manager not in means.managers:
        return False
    try:
        wanted = edit.package_name(name) if manager == "pip" else means.managers[manager].name_of(name)
    except InvalidInput:
        return False
    if manager == "pip":
        locked = (canonicalize_name(one.name) for one in (lock.packages if lock else ()))
        return wanted in {*map(edit.package_name, pip.packages), *locked}
    adapter, file = means.managers[manager], lock.others.get(manager) if lock else None
    there = {item.name for item in adapter.parse(file.text).items} if file else set[str]()
    asked = others[manager].requirements if manager in others else ()
    return wanted in {*there, *map(adapter.name_of, asked)}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
