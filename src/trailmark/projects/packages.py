"""A project's packages: what is asked for, the lock that answers it, and the environment made from the lock."""

from __future__ import annotations

from functools import reduce

from trailmark.activity import Action, Change, NewFile, file_ref, require_quiet
from trailmark.environments import edit
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.lock import resolve
from trailmark.environments.model import EnvironmentRequest, Lock, parse_lock
from trailmark.environments.realise import Realised, ensure
from trailmark.environments.uv import Uv
from trailmark.progress import Progress
from trailmark.projects.alter import alter
from trailmark.projects.catch_up import catch_up
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.project import Project

LOCK_PATH = "environment/pylock.toml"
_LONGEST_LOCK = 20_000_000


def request_of(project: Project) -> EnvironmentRequest:
    """Return what the project asks for. Raises InvalidInput for requirements that cannot be understood."""
    manifest = project.manifest()
    return EnvironmentRequest(python=manifest.python, packages=manifest.packages)


def current_lock(project: Project) -> Lock | None:
    """Return the lock that the project holds, None when it was never locked. Raises InvalidInput, Damaged."""
    text = project.read_text(LOCK_PATH, _LONGEST_LOCK)
    return None if text is None else parse_lock(text, project.manifest().python)


def ready_environment(project: Project, uv: Uv, progress: Progress, *, actor: str = "person") -> Realised:
    """Make the project's environment if it is not there yet, locking first what was never locked."""
    lock = current_lock(project)
    if lock is None:
        lock = lock_environment(project, uv, progress, actor=actor)
    return _realised(project, lock, uv, progress)


def lock_environment(project: Project, uv: Uv, progress: Progress, *, actor: str = "person") -> Lock:
    """Resolve what the project asks for and record the lock. A failing resolve changes nothing."""
    return _change(project, uv, request_of(project), "Locked the environment", progress, actor, keep=True)


def update(project: Project, uv: Uv, progress: Progress, *, actor: str = "person") -> Lock:
    """Resolve again with the newest versions of everything, install and record."""
    return _change(project, uv, request_of(project), "Updated the packages", progress, actor, keep=False)


def add(
    project: Project, names: tuple[str, ...], uv: Uv, progress: Progress, *, actor: str = "person"
) -> Lock:
    """Ask for more packages: resolve, install, record. Raises ResolveFailed with the resolver's reason."""
    request = reduce(edit.add, names, request_of(project))
    return _change(project, uv, request, f"Added {_listed(names)}", progress, actor, keep=True)


def remove(
    project: Project, names: tuple[str, ...], uv: Uv, progress: Progress, *, actor: str = "person"
) -> Lock:
    """Stop asking for packages. Raises InvalidInput or NotFound for one that was not asked for."""
    request = reduce(edit.remove, names, request_of(project))
    return _change(project, uv, request, f"Removed {_listed(names)}", progress, actor, keep=True)


def _realised(project: Project, lock: Lock, uv: Uv, progress: Progress) -> Realised:
    wanted = [
        requirement for requirement in (request_of(project).python, lock.requires_python) if requirement
    ]
    interpreter = find_interpreter(*wanted, uv=uv)
    return ensure(lock, home=project.settings.home, python=interpreter, uv=uv, progress=progress)


def _change(
    project: Project,
    uv: Uv,
    request: EnvironmentRequest,
    title: str,
    progress: Progress,
    actor: str,
    *,
    keep: bool,
) -> Lock:
    require_quiet(project.repository)
    catch_up(project)
    before = current_lock(project)
    interpreter = find_interpreter(request.python, uv=uv)
    lock = resolve(request, python=interpreter, uv=uv, keep=before if keep else None, progress=progress)
    ensure(lock, home=project.settings.home, python=interpreter, uv=uv, progress=progress)
    with project.trail.lock:
        catch_up(project)
        text = project.manifest_text()
        manifest = edit_manifest(text, python=request.python, packages=request.packages)
        files = {FILE_NAME: manifest.encode(), LOCK_PATH: lock.text.encode()}
        action = Action(
            "environment",
            title,
            actor=actor,
            tool="trailmark",
            engine="local",
            environment=lock.digest,
            writes=tuple(file_ref(path, content) for path, content in files.items()),
            detail={"changes": _difference(before, lock), "packages": list(request.packages)},
        )
        alter(project, action, Change(put={path: NewFile(data) for path, data in files.items()}))
    return lock


def _difference(before: Lock | None, after: Lock) -> list[str]:
    """Return what changed, a line for each package: `+ name version`, `- name version`, `name old → new`."""
    old = {package.name: package.version or "" for package in before.packages} if before else {}
    new = {package.name: package.version or "" for package in after.packages}
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            lines.append(f"+ {name} {new[name]}")
        elif name not in new:
            lines.append(f"- {name} {old[name]}")
        elif old[name] != new[name]:
            lines.append(f"{name} {old[name]} → {new[name]}")
    return lines


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
