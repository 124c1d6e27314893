"""Which projects there are, and finding one by what a person calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.moves import finish_moves
from trailmark.projects.names import check_project_name
from trailmark.projects.project import Project, is_project, open_project
from trailmark.settings import Settings


def iter_project_paths(settings: Settings) -> Iterator[Path]:
    """Yield where the projects of the projects folder lie, by owner and name."""
    finish_moves(settings)
    for owner in _folders(settings.projects):
        yield from filter(is_project, _folders(owner))


def find_around(folder: Path) -> Path | None:
    """Return the project that a folder lies in, None when it lies in none."""
    return next((candidate for candidate in (folder, *folder.parents) if is_project(candidate)), None)


def find_project(text: str, folder: Path, settings: Settings) -> Project:
    """Open the project that `text` names: its name, OWNER/NAME, or a folder in it (from `folder` on).

    Raises NotFound.
    """
    finish_moves(settings)
    path = _place_of(text, settings)
    if path is None or not is_project(path):
        path = find_around((folder / Path(text).expanduser()).absolute())
    if path is None:
        raise NotFound(
            f"There is no project “{text}”: none of that name in {settings.projects}, and no folder "
            "of that name holds one. `trailmark list` shows the projects."
        )
    return open_project(path, settings)


def _place_of(text: str, settings: Settings) -> Path | None:
    owner, _, name = text.rpartition("/")
    try:
        return settings.projects / check_project_name(owner or settings.owner) / check_project_name(name)
    except InvalidInput:
        return None


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
