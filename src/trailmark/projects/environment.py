"""A project's environment as its files have it: what is asked for, and the lock that answers it."""

from __future__ import annotations

from dataclasses import replace

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.read import parse_base
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest, parse_lock
from trailmark.environments.realise import Realised, find_realised
from trailmark.environments.snippets import ENDING, FOLDER, Snippet, parse_snippet
from trailmark.environments.whole.model import LOCK_FILES, OTHERS, LockFile, WholeLock, WholeRequest
from trailmark.errors import Damaged, InvalidInput
from trailmark.projects.manifest import Fact
from trailmark.projects.new import BASE_PATH
from trailmark.projects.project import Project

LOCK_PATH = f"environment/{LOCK_FILES['pip']}"
_LONGEST_LOCK = 20_000_000
_LONGEST_BASE = 1_000_000


def whole_request(project: Project) -> WholeRequest:
    """Return all that the project asks for. Raises InvalidInput for what cannot be understood.

    Its base is the one that lies in the project; a base that was only named by hand comes from the catalogues.
    """
    manifest = project.manifest()
    return WholeRequest(
        EnvironmentRequest(python=manifest.python, packages=manifest.packages),
        manifest.others,
        _base_asked_for(project, manifest.base),
        snippets_of(project),
    )


def facts_of(request: WholeRequest) -> dict[str, Fact]:
    """Return what stands in trailmark.toml for a request; None takes a line out."""
    facts: dict[str, Fact] = {"python": request.pip.python, "packages": request.pip.packages}
    facts["base"] = request.base.id if request.base else None
    for name in OTHERS:
        wanted = request.others.get(name, Wanted())
        facts[f"{name}_packages"] = wanted.requirements or None
        facts[f"{name}_channels"] = wanted.channels or None
        if name != "conda":
            facts[f"{name}_snapshot"] = wanted.snapshot
    return facts


def current_lock(project: Project) -> WholeLock | None:
    """Return the lock that the project holds, None when it was never locked. Raises InvalidInput, Damaged."""
    text = project.read_text(LOCK_PATH, _LONGEST_LOCK)
    if text is None:
        return None
    python = project.manifest().python
    files = ((name, _text_of(project, name)) for name in OTHERS)
    others = {name: LockFile(name, found) for name, found in files if found is not None}
    return WholeLock(parse_lock(text, python), python, others, held_base(project), snippets_of(project))


def held_base(project: Project) -> Base | None:
    """Return the base whose description lies in the project, None when there is none. Raises Damaged."""
    text = project.read_text(BASE_PATH, _LONGEST_BASE)
    if text is None:
        return None
    try:
        return parse_base(text, BASE_PATH)
    except InvalidInput as error:
        raise Damaged(str(error)) from error


def snippets_of(project: Project) -> tuple[Snippet, ...]:
    """Return the project's snippets in the order of their names. Raises InvalidInput for one that may not be used."""
    folder = project.path / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return ()
    names = sorted(path.name.removesuffix(ENDING) for path in folder.iterdir() if path.name.endswith(ENDING))
    texts = ((name, project.read_text(f"{FOLDER}/{name}{ENDING}", _LONGEST_BASE)) for name in names)
    return tuple(parse_snippet(name, text) for name, text in texts if text is not None)


def find_made(project: Project, lock: WholeLock | None) -> Realised | None:
    """Return the environment of a lock when it is ready on this machine; it carries the digest over everything."""
    made = find_realised(lock.pip.digest, project.settings.home) if lock else None
    return replace(made, digest=lock.digest) if made and lock else None


def _base_asked_for(project: Project, base_id: str | None) -> Base | None:
    if base_id is None:
        return None
    held = held_base(project)
    if held is not None and held.id == base_id:
        return held
    return load_catalogue(project.settings.home, project.settings.bases).get(base_id)


def _text_of(project: Project, manager: str) -> str | None:
    return project.read_text(f"environment/{LOCK_FILES[manager]}", _LONGEST_LOCK)
