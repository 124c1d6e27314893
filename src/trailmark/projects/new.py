"""Making a new project."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from trailmark.activity import Action, Change, NewFile, ProjectLock, Trail, file_ref, record
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import render_base
from trailmark.errors import AlreadyExists
from trailmark.git import Repository, worktree
from trailmark.projects.manifest import FILE_NAME, Manifest, render_manifest
from trailmark.projects.names import check_project_name
from trailmark.projects.project import Project, open_project
from trailmark.settings import Settings

BASE_PATH = "environment/base.toml"
FOLDERS = ("code", "input", "output")
IGNORED = ".ipynb_checkpoints/\n__pycache__/\n*.pyc\n.venv/\n.DS_Store\n"


def new_project(
    name: str,
    settings: Settings,
    *,
    description: str = "",
    packages: tuple[str, ...] = (),
    base: Base | None = None,
    files: Mapping[str, bytes] = MappingProxyType({}),
    actor: str = "person",
) -> Project:
    """Make a project with its folders, a README, `files` besides, and one record.

    The description of its base comes with it, so that the project can be set up where no catalogue has it.

    Raises AlreadyExists for a name that is taken, InvalidInput for one that cannot be.
    """
    path = place_for(name, settings)
    manifest = Manifest(name=name, description=description, packages=packages, base=base.id if base else None)
    files = {**_first_files(manifest), **_base_file(base), **files}
    path.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=path.parent))
    try:
        Repository.init(building)
        for relative, content in files.items():
            target = building / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        trail = trail_of_building(building, path, settings)
        writes = tuple(file_ref(relative, content) for relative, content in files.items())
        change = Change(put={relative: NewFile(content) for relative, content in files.items()})
        action = Action(
            "project", f"Started the project {name}", actor=actor, tool="trailmark", writes=writes
        )
        record(trail, action, change)
        worktree.sync_index(trail.repository)
        publish(building, path)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return open_project(path, settings)


def place_for(name: str, settings: Settings, *, folder: Path | None = None) -> Path:
    """Return where a project of this name would lie (in `folder`). Raises InvalidInput, or AlreadyExists."""
    check_project_name(name)
    folder = folder or settings.projects / settings.owner
    taken = {path.name.lower() for path in folder.iterdir()} if folder.is_dir() else set()
    if name.lower() in taken:
        raise AlreadyExists(
            f"There is a project {name} already, in {folder}. Nothing was changed; choose another name."
        )
    return folder / name


def trail_of_building(building: Path, path: Path, settings: Settings) -> Trail:
    """Open the trail of a repository that is being built for a project which will lie at `path`."""
    lock = ProjectLock(settings.state_of(path) / "lock")
    return Trail(Repository.open(building), lock, settings.device, settings.person)


def publish(building: Path, path: Path) -> None:
    """Put a folder that was built beside it in its place, whole or not at all. Raises AlreadyExists."""
    building.chmod(0o755)
    try:
        building.rename(path)
    except OSError as error:
        raise AlreadyExists(f"{path} was taken in the meantime; choose another name.") from error


def _base_file(base: Base | None) -> dict[str, bytes]:
    return {BASE_PATH: render_base(base).encode()} if base else {}


def _first_files(manifest: Manifest) -> dict[str, bytes]:
    description = manifest.description or "What this project is about, in a sentence or two."
    readme = f"# {manifest.name}\n\n{description}\n"
    return {
        ".gitignore": IGNORED.encode(),
        "README.md": readme.encode(),
        FILE_NAME: render_manifest(manifest).encode(),
        **{f"{folder}/.gitkeep": b"" for folder in FOLDERS},
    }
