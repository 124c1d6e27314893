"""Which project a call is about: the one that `-C` names, else the one that the current folder lies in."""

from pathlib import Path

from trailmark.cli.invocation import Invocation
from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.manifest import FILE_NAME
from trailmark.projects.names import check_project_name
from trailmark.projects.project import Project, open_project
from trailmark.settings import Settings


def open_chosen(invocation: Invocation) -> Project:
    """Open the project that this call is about. Raises NotFound that says how to name one."""
    settings = invocation.services.settings
    if invocation.project_name is not None:
        return open_named(invocation.project_name, invocation.folder, settings)
    path = find_around(invocation.folder)
    if path is None:
        raise NotFound(
            f"{invocation.folder} is not in a Trailmark project. Go into one, or name it: "
            "trailmark -C PROJECT …. `trailmark list` shows the projects."
        )
    return open_project(path, settings)


def find_chosen(invocation: Invocation) -> Project | None:
    """Return the project that this call is about, None when nothing says which."""
    if invocation.project_name is None and find_around(invocation.folder) is None:
        return None
    return open_chosen(invocation)


def open_named(text: str, folder: Path, settings: Settings) -> Project:
    """Open the project of a name, of OWNER/NAME, or in a folder. Raises NotFound."""
    by_name = _place_of(text, settings)
    if by_name is not None and (by_name / FILE_NAME).exists():
        return open_project(by_name, settings)
    path = find_around(folder / Path(text).expanduser())
    if path is None:
        raise NotFound(
            f"There is no project “{text}”: none of that name in {settings.projects}, and no folder "
            "of that name holds one. `trailmark list` shows the projects."
        )
    return open_project(path, settings)


def find_around(folder: Path) -> Path | None:
    """Return the project that a folder lies in, None when it lies in none."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file() and (candidate / ".git").exists():
            return candidate
    return None


def _place_of(text: str, settings: Settings) -> Path | None:
    owner, _, name = text.rpartition("/")
    try:
        names = check_project_name(owner or settings.owner), check_project_name(name)
    except InvalidInput:
        return None
    return settings.projects.joinpath(*names)
