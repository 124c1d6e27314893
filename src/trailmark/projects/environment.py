"""A project's environment as its files have it: what is asked for, and the lock that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.read import parse_base
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest, Lock, parse_lock
from trailmark.environments.realise import Realised, find_realised
from trailmark.environments.snippets import ENDING, FOLDER, Snippet, parse_snippet
from trailmark.environments.whole.asked import FILE_NAME as ASKED
from trailmark.environments.whole.asked import Asked, parse_asked
from trailmark.environments.whole.model import LOCK_FILES, OTHERS, LockFile, WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Managers
from trailmark.errors import Damaged, InvalidInput, NotFound
from trailmark.projects.manifest import Fact
from trailmark.projects.new import BASE_PATH
from trailmark.projects.project import Project

LOCK_PATH = f"environment/{LOCK_FILES['pip']}"
ASKED_PATH = f"environment/{ASKED}"
_LONGEST_LOCK = 20_000_000
_LONGEST_BASE = 1_000_000
# Stands for a pylock.toml that cannot be read.
NO_PIP = Lock("", "", ())
_Part = TypeVar("_Part")


def whole_request(project: Project) -> WholeRequest:
    """Return all that the project asks for. Raises InvalidInput for what cannot be understood.

    Its base is the one that lies in the project; a base that was only named by hand comes from the catalogues.
    """
    return request_with(project, chosen_base(project), snippets_of(project))


def request_with(project: Project, base: Base | None, snippets: tuple[Snippet, ...]) -> WholeRequest:
    """Return what the project asks for, but from this base and with these snippets."""
    manifest = project.manifest()
    pip = EnvironmentRequest(python=manifest.python, packages=manifest.packages)
    return WholeRequest(pip, manifest.others, base, snippets)


def readable_request(project: Project) -> tuple[WholeRequest, tuple[str, ...]]:
    """Return what the project asks for as far as it can be had, and in sentences what cannot: its base, a snippet."""
    snippets, broken = readable_snippets(project)
    problems = list(broken.values())
    try:
        base = chosen_base(project)
    except NotFound:
        base = None
        problems.append(
            f"The base {project.manifest().base} is asked for, and no catalogue here has it. Choose another one with "
            "`trailmark env base ID`, or none: trailmark env base --none"
        )
    return request_with(project, base, snippets), tuple(problems)


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


def current_lock(project: Project, snippets: tuple[Snippet, ...] | None = None) -> WholeLock | None:
    """Return the lock that the project holds, None when it was never locked. Raises InvalidInput, Damaged.

    `snippets` are those that it has, where they were read already.
    """
    text = _text_of(project, "pip")
    if text is None:
        return None
    asked = _asked_then(project)
    python = asked.python if asked else project.manifest().python
    files = ((name, _text_of(project, name)) for name in OTHERS)
    others = {name: LockFile(name, found) for name, found in files if found is not None}
    own = snippets_of(project) if snippets is None else snippets
    return WholeLock(parse_lock(text, python), python, others, held_base(project), own, asked)


def undamaged_lock(project: Project, managers: Managers) -> tuple[WholeLock | None, tuple[str, ...]]:
    """Return the lock without those parts of it that cannot be read, and in sentences what is wrong with them."""
    problems: list[str] = []
    asked = _attempt(partial(_asked_then, project), problems)
    python = asked.python if asked else project.manifest().python
    text = _attempt(partial(_text_of, project, "pip"), problems)
    pip = _attempt(partial(parse_lock, text, python), problems) if text is not None else None
    found = {name: _attempt(partial(_file_of, project, name, managers), problems) for name in OTHERS}
    others = {name: file for name, file in found.items() if file is not None}
    base = _attempt(partial(held_base, project), problems)
    if pip is None and not problems:
        return None, ()
    own, _ = readable_snippets(project)
    return WholeLock(pip or NO_PIP, python, others, base, own, asked), tuple(problems)


def _attempt(read: Callable[[], _Part | None], problems: list[str]) -> _Part | None:
    try:
        return read()
    except (Damaged, InvalidInput) as error:
        problems.append(str(error))
        return None


def _file_of(project: Project, name: str, managers: Managers) -> LockFile | None:
    text = _text_of(project, name)
    if text is not None and name in managers:
        managers[name].parse(text)
    return LockFile(name, text) if text is not None else None


def chosen_base(project: Project, *, mends: bool = False) -> Base | None:
    """Return the base that is asked for, None for none. Raises NotFound when no catalogue has it, Damaged.

    With `mends` a damaged description in the project counts as none.
    """
    base_id = project.manifest().base
    if base_id is None:
        return None
    held = _attempt(partial(held_base, project), []) if mends else held_base(project)
    if held is not None and held.id == base_id:
        return held
    return load_catalogue(project.settings.home, project.settings.bases).get(base_id)


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
    found = (_read_snippet(project, name) for name in _snippet_names(project))
    return tuple(snippet for snippet in found if snippet is not None)


def readable_snippets(project: Project) -> tuple[tuple[Snippet, ...], dict[str, str]]:
    """Return the snippets that may be used, and of the others by their names why they may not."""
    found, broken = [], {}
    for name in _snippet_names(project):
        try:
            snippet = _read_snippet(project, name)
        except InvalidInput as error:
            broken[name] = str(error)
        else:
            found += [snippet] if snippet else []
    return tuple(found), broken


def _snippet_names(project: Project) -> list[str]:
    folder = project.path / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path.name.removesuffix(ENDING) for path in folder.iterdir() if path.name.endswith(ENDING))


def _read_snippet(project: Project, name: str) -> Snippet | None:
    text = project.read_text(f"{FOLDER}/{name}{ENDING}", _LONGEST_BASE)
    return parse_snippet(name, text) if text is not None else None


def find_made(project: Project, lock: WholeLock | None) -> Realised | None:
    """Return the environment of a lock when it is ready on this machine; it carries the digest over everything."""
    made = find_realised(lock.pip.digest, project.settings.home) if lock else None
    return replace(made, digest=lock.digest) if made and lock else None


def _text_of(project: Project, manager: str) -> str | None:
    text = project.read_text(f"environment/{LOCK_FILES[manager]}", _LONGEST_LOCK)
    return text.replace("\r\n", "\n") if text is not None else None


def _asked_then(project: Project) -> Asked | None:
    text = project.read_text(ASKED_PATH, _LONGEST_LOCK)
    return parse_asked(text) if text is not None else None
