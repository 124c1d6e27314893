"""The demonstration: a small project of real work, made anew from the files of the package."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from trailmark.errors import AlreadyExists
from trailmark.projects.new import new_project, place_for
from trailmark.projects.project import Project
from trailmark.settings import Settings

NAME = "penguins"
NOTEBOOK = "code/penguins.ipynb"
SCRIPT = ("python", "code/summarise.py")
PACKAGES = ("matplotlib", "pandas")
DESCRIPTION = "Does a longer flipper mean a heavier bird? A small, real piece of work to look around in."
_MOST = 100


def make_demo(settings: Settings) -> Project:
    """Make the demonstration project, under the first name that is free."""
    files = _files(resources.files("trailmark.projects") / "demo_files", "")
    return new_project(
        _free_name(settings), settings, description=DESCRIPTION, packages=PACKAGES, files=files
    )


def _free_name(settings: Settings) -> str:
    for number in range(1, _MOST):
        name = NAME if number == 1 else f"{NAME}-{number}"
        try:
            place_for(name, settings)
        except AlreadyExists:
            continue
        return name
    raise AlreadyExists(f"There are {_MOST} demonstrations already; delete some with `trailmark delete`.")


def _files(folder: Traversable, below: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in folder.iterdir():
        path = f"{below}{item.name}"
        if item.is_dir() and item.name != "__pycache__":
            found.update(_files(item, f"{path}/"))
        elif item.is_file():
            found[path] = item.read_bytes()
    return found
