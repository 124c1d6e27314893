"""A project's packages: what is asked for, the lock that answers it, and the environment made from the lock."""

from __future__ import annotations

from pathlib import Path

from trailmark.activity import Action, Change, FileRef, NewFile, file_ref, record
from trailmark.environments import (
    EnvironmentRequest,
    Lock,
    Realised,
    add_packages,
    ensure,
    find_interpreter,
    parse_lock,
    remove_packages,
    resolve,
)
from trailmark.errors import InvalidInput
from trailmark.git.durable import write_file
from trailmark.progress import Progress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.project import Project

LOCK_PATH = "environment/pylock.toml"


def request_of(project: Project) -> EnvironmentRequest:
    """Return what the project asks for. Raises InvalidInput for requirements that cannot be understood."""
    manifest = project.manifest()
    return EnvironmentRequest(python=manifest.python, packages=manifest.packages)


def current_lock(project: Project) -> Lock | None:
    """Return the lock that the project holds, None when it was never locked. Raises InvalidInput."""
    try:
        text = (project.path / LOCK_PATH).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return parse_lock(text)


def ready_environment(project: Project, progress: Progress, *, actor: str = "person") -> Realised:
    """Make the project's environment if it is not there yet, locking first what was never locked."""
    lock = current_lock(project)
    if lock is None:
        lock = lock_environment(project, progress, actor=actor)
    interpreter = find_interpreter(request_of(project).python)
    progress.step("Making the environment", 0.3)
    return ensure(lock, home=project.settings.home, python=interpreter, progress=progress)


def lock_environment(project: Project, progress: Progress, *, actor: str = "person") -> Lock:
    """Resolve what the project asks for and record the lock. A failing resolve changes nothing."""
    return _change(project, request_of(project), "Locked the environment", progress, actor)


def add(project: Project, names: tuple[str, ...], progress: Progress, *, actor: str = "person") -> Lock:
    """Ask for more packages: resolve, install, record. Raises ResolveFailed with the resolver's reason."""
    request = add_packages(request_of(project), names)
    return _change(project, request, f"Added {_listed(names)}", progress, actor)


def remove(project: Project, names: tuple[str, ...], progress: Progress, *, actor: str = "person") -> Lock:
    """Stop asking for packages. Raises InvalidInput for one that was not asked for."""
    request = remove_packages(request_of(project), names)
    return _change(project, request, f"Removed {_listed(names)}", progress, actor)


def _change(
    project: Project, request: EnvironmentRequest, title: str, progress: Progress, actor: str
) -> Lock:
    catch_up(project)
    before = current_lock(project)
    interpreter = find_interpreter(request.python)
    progress.step("Resolving the packages", 0.1)
    lock = resolve(request, python=interpreter, progress=progress)
    progress.step("Installing the packages", 0.4)
    realised = ensure(lock, home=project.settings.home, python=interpreter, progress=progress)
    with project.trail.lock:
        catch_up(project)
        manifest = edit_manifest(_manifest_text(project), python=request.python, packages=request.packages)
        files = {FILE_NAME: manifest.encode(), LOCK_PATH: lock.text.encode()}
        for path, content in files.items():
            _write(project.path / path, content)
        action = Action(
            "environment",
            title,
            actor=actor,
            tool="trailmark",
            engine="local",
            environment=realised.digest,
            writes=_refs(files),
            detail={"changes": _difference(before, lock), "packages": list(request.packages)},
        )
        record(project.trail, action, Change(put={path: NewFile(data) for path, data in files.items()}))
    return lock


def _manifest_text(project: Project) -> str:
    try:
        return project.manifest_path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidInput(f"{project.path} has no {FILE_NAME}; nothing was changed.") from error


def _refs(files: dict[str, bytes]) -> tuple[FileRef, ...]:
    return tuple(file_ref(path, content) for path, content in files.items())


def _difference(before: Lock | None, after: Lock) -> list[str]:
    """Return what changed, a line for each package: `+ name version`, `- name version`, `name old → new`."""
    old = {package.name: package.version for package in before.packages} if before else {}
    new = {package.name: package.version for package in after.packages}
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            lines.append(f"+ {name} {new[name]}")
        elif name not in new:
            lines.append(f"- {name} {old[name]}")
        elif old[name] != new[name]:
            lines.append(f"{name} {old[name]} → {new[name]}")
    return lines


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    write_file(path, content, mode=0o644)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
