"""Taking in a file that describes an environment for another tool: requirements.txt, environment.yml, renv.lock …"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trailmark.environments import edit
from trailmark.environments.detect import Detected, FolderText, detect
from trailmark.environments.managers import edit as edit_other
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import PYTHON
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import Managers, manager_named
from trailmark.errors import InvalidInput

_LARGEST = 20_000_000
_NOT_REQUIREMENTS = frozenset(("apt.txt", "runtime.txt"))
_REQUIREMENTS = "requirements.txt"


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
        files = {_name_for(path.name): path.read_text(encoding="utf-8", errors="replace")}
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}). Nothing was changed.") from error
    if _REQUIREMENTS in files:
        beside = FolderText(path.parent)
        files = {name: beside[name] for name in beside if name.endswith(".txt") and "/" not in name} | files
        files = {name: text for name, text in files.items() if name not in _NOT_REQUIREMENTS}
    return detect(files)


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


def _name_for(name: str) -> str:
    """Return under which name a file is understood: any list of requirements is one."""
    is_list = name.endswith((".txt", ".in")) and name not in _NOT_REQUIREMENTS
    return _REQUIREMENTS if is_list else name
