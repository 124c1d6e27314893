"""Copying a project with its whole trail."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from trailmark.activity import Action, Change, NewFile, Trail, file_ref, record
from trailmark.durable import sync_file_system
from trailmark.errors import Cancelled, Unavailable
from trailmark.git import worktree
from trailmark.progress import Progress
from trailmark.projects.manifest import FILE_NAME, named
from trailmark.projects.new import place_for, publish, trail_of_building
from trailmark.projects.project import Project, open_project
from trailmark.projects.ready import make_ready

REBUILDABLE = frozenset(
    {
        ".venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache",
        ".ruff_cache", ".tox", ".nox", ".Rproj.user",
    }
)  # fmt: skip
"""Folders that programs make anew, and that no copy takes along."""

_GIT_PARTS = ("objects", "refs", "packed-refs", "HEAD", "config", "shallow", "info")


def copy_project(project: Project, name: str, progress: Progress, *, actor: str = "person") -> Project:
    """Make a project of another name with the same files, branches and trail; return it.

    Files that git does not hold are copied too, but nothing of sessions, secrets or environments. Raises
    InvalidInput, AlreadyExists.
    """
    settings = project.settings
    path = place_for(name, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with project.trail.lock:
        make_ready(project, actor=actor)
        building = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=path.parent))
        try:
            progress.step("Copying the history", 0.1)
            _copy_git(project.repository.git_folder, building / ".git", progress)
            progress.step("Copying the files", 0.5)
            copy_files(project.path, building, progress)
            trail = trail_of_building(building, path, settings)
            _record_copy(trail, project, name, actor)
            sync_file_system(building)
            publish(building, path)
        except OSError as error:
            raise Unavailable(f"The copy could not be made ({error}). The project is as it was.") from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return open_project(path, settings)


def copy_files(source: Path, target: Path, progress: Progress) -> None:
    """Copy a folder's files into another, links as links, without its history and what is rebuilt."""

    def left_out(folder: str, names: list[str]) -> Iterable[str]:
        if progress.cancelled:
            raise Cancelled("Copying was stopped; nothing was changed.")
        progress.log(os.path.relpath(folder, source))
        own = {".git"} if folder == str(source) else set()
        return [name for name in names if name in REBUILDABLE | own or _is_special(folder, name)]

    shutil.copytree(source, target, symlinks=True, ignore=left_out, dirs_exist_ok=True)


def _copy_git(source: Path, target: Path, progress: Progress) -> None:
    """Copy what makes up the history: objects, refs, settings; no hooks, locks, logs or index."""
    target.mkdir()
    for part in _GIT_PARTS:
        if progress.cancelled:
            raise Cancelled("Copying was stopped; nothing was changed.")
        if (source / part).is_dir():
            shutil.copytree(
                source / part, target / part, ignore=shutil.ignore_patterns("*.lock", "tmp_obj_*")
            )
        elif (source / part).exists():
            shutil.copy2(source / part, target / part)


def _record_copy(trail: Trail, project: Project, name: str, actor: str) -> None:
    changed = named(project.manifest_text(), name).encode()
    manifest = trail.repository.path / FILE_NAME
    manifest.unlink(missing_ok=True)
    manifest.write_bytes(changed)
    action = Action(
        "project",
        f"Copied the project {project.name} as {name}",
        actor=actor,
        tool="trailmark",
        writes=(file_ref(FILE_NAME, changed),),
        detail={"from": f"{project.owner}/{project.name}"},
    )
    record(trail, action, Change(put={FILE_NAME: NewFile(changed)}))
    worktree.sync_index(trail.repository)


def _is_special(folder: str, name: str) -> bool:
    path = Path(folder, name)
    return not (path.is_symlink() or path.is_dir() or path.is_file())
