"""Asking for another environment: resolve and make it first, then write request and lock as one record.

What is asked for is worked out from what the project holds at that moment, and again when it is something else by
the time that it was resolved: of two changes at once neither is lost, nor a line that a person types meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from trailmark.activity import Action, Change, NewFile, file_ref, require_quiet
from trailmark.environments.bases.render import render_base
from trailmark.environments.installed import installed_packages
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.realise import Realised, ensure, python_version
from trailmark.environments.snippets import FOLDER
from trailmark.environments.uv import Uv
from trailmark.environments.whole.asked import render_asked
from trailmark.environments.whole.model import LOCK_FILES, WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Keep, Managers, Means, resolve_whole
from trailmark.errors import Busy, TrailmarkError
from trailmark.git import present
from trailmark.progress import Progress
from trailmark.projects.alter import alter
from trailmark.projects.catch_up import catch_up
from trailmark.projects.difference_of_locks import difference_of_locks
from trailmark.projects.environment import (
    ASKED_PATH,
    LOCK_PATH,
    current_lock,
    facts_of,
    find_made,
    readable_snippets,
    undamaged_lock,
)
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.new import BASE_PATH
from trailmark.projects.project import Project

_MOST_TRIES = 10
_LARGEST = 20_000_000
_OWN_FILES = (BASE_PATH, ASKED_PATH, *(f"environment/{name}" for name in LOCK_FILES.values()))


@dataclass(frozen=True)
class Alteration:
    """What becomes of an environment: another request, what it is called, and which versions stay.

    `touched`, `update` and `hold` are as in `Keep`; `remove` has the paths of files that go.
    """

    title: str
    request: WholeRequest
    touched: frozenset[str] | None = None
    update: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    hold: Mapping[str, str] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()


Plan = Callable[[], Alteration]


@dataclass(frozen=True)
class Relocked:
    """What came of it: the lock from before and the one of now, and a line for each change between them."""

    before: WholeLock | None
    lock: WholeLock
    changes: tuple[str, ...]
    is_recorded: bool

    @property
    def moves_python(self) -> bool:
        """Whether a kernel that runs now has other packages of Python's than the lock."""
        return self.before is None or self.before.pip.digest != self.lock.pip.digest


@dataclass(frozen=True)
class _Start:
    """From where a change goes out: all that was read, as a digest, and the manifest as it is to be."""

    seen: str
    alteration: Alteration
    before: WholeLock | None
    manifest: str


def relock(
    project: Project,
    plan: Plan,
    means: Means,
    progress: Progress,
    actor: str,
    *,
    tolerate: tuple[type[TrailmarkError], ...] = (),
    mends: bool = False,
    makes: bool = True,
) -> Relocked:
    """Carry out what `plan` says; it is asked again when the project was changed meanwhile.

    With `mends` a part of the lock that is damaged counts as one that was never locked. Without `makes` nothing is
    installed on this machine: the environment is wanted elsewhere. Raises Busy when the project
    changes time and again.
    """
    for _ in range(_MOST_TRIES):
        start = _begin(project, plan, means.managers, progress, mends=mends)
        alteration = start.alteration
        keep = Keep(start.before, alteration.touched, alteration.update, alteration.hold)
        lock = resolve_whole(alteration.request, means, keep, progress, tolerate=tolerate)
        made = make_realised(project, lock, means.uv, progress) if makes else None
        with project.trail.lock:
            catch_up(project)
            if _seen(project) == start.seen:
                return _record(project, start, lock, made, means.managers, actor)
        progress.step("The project was changed meanwhile: finding versions again")
    raise Busy(
        "The environment was changed by somebody else time and again while its versions were found. Nothing of this "
        "change was made; try again."
    )


def make_realised(project: Project, lock: WholeLock, uv: Uv, progress: Progress) -> Realised:
    """Make the part of a lock that runs on this machine, if it is not there yet."""
    ready = find_made(project, lock)
    if ready is not None:
        return ready
    wanted = [text for text in (lock.python, lock.pip.requires_python) if text]
    interpreter = find_interpreter(*wanted, uv=uv)
    made = ensure(lock.pip, home=project.settings.home, python=interpreter, uv=uv, progress=progress)
    return replace(made, digest=lock.digest)


def _begin(project: Project, plan: Plan, managers: Managers, progress: Progress, *, mends: bool) -> _Start:
    """Complete what a crash cut short and record what was changed by hand; then read, all at one moment."""
    with project.trail.lock:
        require_quiet(project.repository)
        catch_up(project)
        if mends:
            before, damages = undamaged_lock(project, managers)
            for damage in damages:
                progress.step(f"Locked as if it had not been before: {damage}")
        else:
            before = current_lock(project, readable_snippets(project)[0])
        alteration = plan()
        manifest = edit_manifest(project.manifest_text(), **facts_of(alteration.request))
        return _Start(_seen(project), alteration, before, manifest)


def _seen(project: Project) -> str:
    """Return the digest of all files that say what the environment is."""
    folder = project.path / FOLDER
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    digest = hashlib.sha256()
    for path in (FILE_NAME, *_OWN_FILES, *(f"{FOLDER}/{name}" for name in names)):
        found = present.read(project.path, path, max_bytes=_LARGEST)
        data = found.data if isinstance(found, present.Found) else repr(found).encode()
        digest.update(f"{path}\0{len(data)}\0".encode("utf-8", "surrogatepass") + data)
    return digest.hexdigest()


def _record(
    project: Project, start: _Start, lock: WholeLock, made: Realised | None, managers: Managers, actor: str
) -> Relocked:
    files = {FILE_NAME: start.manifest.encode(), **files_of(lock)}
    held = {path for path in _OWN_FILES if present.glance(project.path, path) is not None}
    held |= start.alteration.remove
    held |= {snippet.path for snippet in start.before.snippets} if start.before else set()
    gone = frozenset(held - files.keys())
    changes = tuple(difference_of_locks(start.before, lock, managers))
    if not gone and all(_content(project, path) == _plain(data) for path, data in files.items()):
        return Relocked(start.before, lock, changes, is_recorded=False)
    action = Action(
        "environment",
        start.alteration.title,
        actor=actor,
        tool="trailmark",
        engine="local",
        environment=lock.digest,
        writes=tuple(file_ref(path, content) for path, content in files.items()),
        deletes=tuple(sorted(gone)),
        detail={
            "changes": list(changes),
            "packages": list(start.alteration.request.pip.packages),
            "parts": lock.parts(),
            **(_facts_of(made) if made else {}),
        },
    )
    alter(project, action, Change(put={path: NewFile(data) for path, data in files.items()}, remove=gone))
    return Relocked(start.before, lock, changes, is_recorded=True)


def _facts_of(made: Realised) -> dict[str, object]:
    files = {package.name: package.digest for package in installed_packages(made.path).values()}
    return {"interpreter": python_version(made), "files": files}


def _content(project: Project, path: str) -> bytes | None:
    found = present.read(project.path, path, max_bytes=_LARGEST)
    return _plain(found.data) if isinstance(found, present.Found) else None


def _plain(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def files_of(lock: WholeLock) -> dict[str, bytes]:
    """Return the files under environment/ that hold a lock."""
    files = {LOCK_PATH: lock.pip.text.encode()}
    files |= {file.path: file.text.encode() for file in lock.others.values()}
    files |= {snippet.path: snippet.text.encode() for snippet in lock.snippets}
    files |= {BASE_PATH: render_base(lock.base).encode()} if lock.base else {}
    return files | ({ASKED_PATH: render_asked(lock.asked).encode()} if lock.asked else {})
