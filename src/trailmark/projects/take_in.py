"""Taking in a file that describes an environment for another tool: requirements.txt, environment.yml, renv.lock …"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trailmark.environments import edit
from trailmark.environments.detect import Detected, FolderText, decoded, detect
from trailmark.environments.managers import edit as edit_other
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import PYTHON
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import Managers, manager_named
from trailmark.errors import InvalidInput

_LARGEST = 20_000_000
_NOT_REQUIREMENTS = frozenset(("apt.txt", "runtime.txt"))
_REQUIREMENTS = "requirements.txt"
_LISTS = (".txt", ".in")
_INCLUDED = "requirements-of-that-name.txt"
_INCLUDES = re.compile(r"^(\s*(?:-r|--requirement)[\s=]*)(?:\./)?requirements\.txt\s*$", re.MULTILINE)


@dataclass(frozen=True)
class TakenIn:
    """What becomes of a request: with the file's part in it, versions to keep to, and remarks for a person."""

    request: WholeRequest
    touched: frozenset[str]
    hold: Mapping[str, str]
    sources: tuple[str, ...]
    notes: tuple[str, ...]


def read_description(path: Path) -> Detected:
    """Read a file or a folder (such as repo2docker's) that describes an environment. Raises InvalidInput."""
    if path.is_dir():
        return detect(FolderText(path))
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} is larger than {_LARGEST:,} bytes. Nothing was changed.")
        text = decoded(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}). Nothing was changed.") from error
    name = _name_for(path.name, text)
    return detect(_with_included(path, text) if name == _REQUIREMENTS else {name: text})


def take_in(
    request: WholeRequest, detected: Detected, managers: Managers, *, conda: bool, python: bool
) -> TakenIn:
    """Return the request with what was detected in it; what is asked for already is replaced where it stands.

    `conda` takes the packages of an environment.yml with conda itself, `python` also the Python that is named.
    """
    others, packages, notes = dict(detected.beyond.wanted), detected.request.packages, detected.notes
    asked = detected.beyond.conda if conda else None
    if asked is not None:
        others["conda"], packages = asked.wanted, asked.pip
        # What was said of the file is of its translation for pip.
        notes = (*(note for note in notes if not note.startswith(f"{asked.source}: ")), *asked.notes)
    touched = set(others)
    if packages:
        request, touched = replace(request, pip=edit.replace_all(request.pip, packages)), touched | {"pip"}
    if python and detected.request.python != PYTHON:
        request = replace(request, pip=replace(request.pip, python=detected.request.python))
        touched.add("pip")
    if not others and not packages:
        said = "".join(f"\n  {note}" for note in notes)
        raise InvalidInput(f"Nothing was found there that an environment can be asked for.{said}")
    for name, wanted in others.items():
        request = with_wanted(request, name, wanted, managers)
    return TakenIn(
        request,
        frozenset(touched),
        {name: text for name, text in detected.beyond.locks.items() if name in others},
        tuple(
            dict.fromkeys((*detected.sources, *detected.beyond.sources, *([asked.source] if asked else [])))
        ),
        notes,
    )


def with_wanted(request: WholeRequest, name: str, found: Wanted, managers: Managers) -> WholeRequest:
    """Ask a manager for more packages; where the project itself says where to look, and of which day, that counts."""
    manager, own = manager_named(managers, name), request.others.get(name, Wanted())
    for text in found.requirements:
        own = edit_other.add(manager, own, text)
    joined = replace(
        own,
        channels=own.channels or found.channels,
        snapshot=own.snapshot or found.snapshot,
        runtime=own.runtime or found.runtime,
    )
    return replace(request, others={**request.others, name: joined})


def _with_included(path: Path, text: str) -> dict[str, str]:
    """Return a list of requirements as requirements.txt, with the lists beside it that it may include."""
    beside = FolderText(path.parent)
    files = {
        name: beside[name]
        for name in beside
        if name.endswith(_LISTS) and "/" not in name and name not in _NOT_REQUIREMENTS
    }
    if path.name != _REQUIREMENTS and _REQUIREMENTS in files:
        # A list of another name may well include the one of that name.
        files[_INCLUDED] = files[_REQUIREMENTS]
        text = _INCLUDES.sub(rf"\g<1>{_INCLUDED}", text)
    return files | {_REQUIREMENTS: text}


def _name_for(name: str, text: str) -> str:
    """Return under which name a file is understood: by its ending and what it holds, for people name files freely."""
    if name in _NOT_REQUIREMENTS:
        return name
    if name.endswith(_LISTS):
        return _REQUIREMENTS
    if name.endswith((".yml", ".yaml")):
        return "environment.yml"
    if name.endswith(".toml"):
        return "pyproject.toml"
    if name.endswith((".lock", ".json")) and text.lstrip().startswith("{"):
        return "renv.lock"
    return "Pipfile" if name.lower() == "pipfile" else name
