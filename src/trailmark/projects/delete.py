"""Deleting a project: it moves to the trash, whole, until the trash is emptied."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from trailmark.durable import write_file
from trailmark.errors import NotFound, Unavailable
from trailmark.projects.moves import at_rest, carry_out, finish_moves
from trailmark.projects.new import place_for
from trailmark.projects.project import Project, open_project
from trailmark.projects.secret_files import files_path
from trailmark.projects.secrets import secrets_path
from trailmark.projects.state import named_state
from trailmark.settings import Settings
from trailmark_capture.journal import new_id

_ABOUT = "about.json"


@dataclass(frozen=True)
class Trashed:
    """A project in the trash; `path` is where it lay, `deleted` when (seconds since the epoch)."""

    id: str
    owner: str
    name: str
    path: str
    deleted: float


def delete_project(project: Project) -> Trashed:
    """Move a project with its state and secrets to the trash. Raises Busy while somebody works in it."""
    settings = project.settings
    trashed = Trashed(new_id(), project.owner, project.name, str(project.path), time.time())
    place = _trash(settings) / trashed.id
    with at_rest(project):
        place.mkdir(parents=True, mode=0o700)
        write_file(place / _ABOUT, json.dumps(asdict(trashed)).encode())
        moves = [
            (project.state, place / "state"),
            (secrets_path(project), place / "secrets.json"),
            (files_path(project), place / "secret-files"),
            (project.path, place / "project"),
        ]
        carry_out(settings, moves)
    return trashed


def list_trash(settings: Settings) -> list[Trashed]:
    """Return the projects in the trash, the one deleted last first."""
    finish_moves(settings)
    found = [_read(place) for place in _trash(settings).glob("*") if (place / "project").is_dir()]
    return sorted(
        (trashed for trashed in found if trashed), key=lambda trashed: trashed.deleted, reverse=True
    )


def restore_project(settings: Settings, trashed_id: str, *, name: str | None = None) -> Project:
    """Put a project from the trash back where it was, or under another name. Raises NotFound, AlreadyExists."""
    trashed = _find(settings, trashed_id)
    path = place_for(name or trashed.name, settings, folder=Path(trashed.path).parent)
    place = _trash(settings) / trashed.id
    named = named_state(place / "project" / ".git")
    state = settings.home / "state" / named if named else settings.state_of(path)
    moves = [
        (place / "state", state),
        (place / "secrets.json", settings.home / "secrets" / f"{state.name}.json"),
        (place / "secret-files", settings.home / "secrets" / f"{state.name}.files"),
        (place / "project", path),
    ]
    carry_out(settings, moves)
    shutil.rmtree(place, ignore_errors=True)
    return open_project(path, settings)


def empty_trash(settings: Settings, ids: Iterable[str] | None = None) -> list[Trashed]:
    """Destroy the projects in the trash, or some of them; return which. Raises NotFound, Unavailable."""
    chosen = list_trash(settings) if ids is None else [_find(settings, one) for one in ids]
    for trashed in chosen:
        try:
            shutil.rmtree(_trash(settings) / trashed.id)
        except OSError as error:
            raise Unavailable(
                f"{trashed.name} could not be removed from the trash ({error}). Mend that and try again."
            ) from error
    return chosen


def _find(settings: Settings, trashed_id: str) -> Trashed:
    for trashed in list_trash(settings):
        if trashed.id == trashed_id:
            return trashed
    raise NotFound(
        f"There is no “{trashed_id}” in the trash. `trailmark delete --trash` lists what there is."
    )


def _trash(settings: Settings) -> Path:
    return settings.home / "trash"


def _read(place: Path) -> Trashed | None:
    try:
        return Trashed(**{**json.loads((place / _ABOUT).read_bytes()), "id": place.name})
    except (OSError, ValueError, TypeError):
        return None
