"""Looking at a project's files: as they lie on disk now, or as a commit holds them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trailmark.errors import NotFound
from trailmark.git import FOLDER, LINK, Entry, Oid, present, worktree
from trailmark.git.model import SUBMODULE
from trailmark.projects.project import Project


@dataclass(frozen=True)
class FileRow:
    """One file or folder. `held` says whether git holds it (of a folder: anything in it).

    `bytes` is None for folders; `modified` (seconds since the epoch) is None for what is read from a commit;
    `link` is where a symbolic link points.
    """

    path: str
    is_folder: bool
    bytes: int | None = None
    modified: float | None = None
    held: bool = True
    ignored: bool = False
    link: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class OpenedFile:
    """A file that is open for reading; whoever asked for it closes `stream`."""

    stream: BinaryIO
    bytes: int
    modified: float


def list_folder(project: Project, folder: str = "") -> list[FileRow]:
    """Return what lies directly in a folder, folders first. Raises NotFound."""
    tree = _head_tree(project)
    entry = project.repository.find_entry(tree, folder) if folder else None
    held_tree = tree if not folder else entry.oid if entry is not None and entry.mode == FOLDER else None
    held = project.repository.children(held_tree) if held_tree else {}
    rows = [
        _row(project, path, status, held.get(path.rpartition("/")[2]))
        for path, status in _entries(project, folder)
    ]
    return sorted(rows, key=_order)


def list_folder_at(project: Project, commit: Oid, folder: str = "") -> list[FileRow]:
    """Return what lay directly in a folder at a commit, folders first. Raises NotFound."""
    repository = project.repository
    tree = repository.tree_of(commit)
    if folder:
        entry = repository.find_entry(tree, folder)
        if entry is None or entry.mode != FOLDER:
            raise _no_folder(folder)
        tree = entry.oid
    below = f"{folder}/" if folder else ""
    items = repository.children(tree) if tree else {}
    return sorted((_row_at(project, f"{below}{name}", item) for name, item in items.items()), key=_order)


def open_file(project: Project, path: str) -> OpenedFile:
    """Open a file of the project as it is now. Raises NotFound for what is no ordinary file inside of it."""
    if not present.is_plain_path(path):
        raise _no_file(path)
    try:
        stream = present.open_file(project.path, path)
    except OSError as error:
        raise _no_file(path) from error
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        stream.close()
        raise _no_file(path)
    return OpenedFile(stream, status.st_size, status.st_mtime)


def read_file_at(project: Project, commit: Oid, path: str) -> bytes:
    """Return a file as a commit holds it. Raises NotFound."""
    repository = project.repository
    entry = repository.find_entry(repository.tree_of(commit), path)
    if entry is None or entry.mode not in worktree.FILE_MODES:
        raise NotFound(f"There was no file “{path}” in the project then.")
    return repository.blob(entry.oid)


def _head_tree(project: Project) -> Oid | None:
    return project.repository.tree_of(project.repository.head())


def _entries(project: Project, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    if folder and not present.is_plain_path(folder):
        raise _no_folder(folder)
    below = f"{folder}/" if folder else ""
    try:
        with present.parent_of(project.path, f"{below}x") as handle:
            for name in os.listdir(handle):
                path = f"{below}{name}"
                if present.is_plain_path(path) and not present.is_temporary(path):
                    yield path, os.stat(name, dir_fd=handle, follow_symlinks=False)
    except OSError as error:
        raise _no_folder(folder) from error


def _row(project: Project, path: str, status: os.stat_result, held: Entry | None) -> FileRow:
    is_folder = stat.S_ISDIR(status.st_mode)
    ignored = held is None and worktree.is_ignored(project.repository, f"{path}/" if is_folder else path)
    return FileRow(
        path,
        is_folder,
        bytes=None if is_folder else status.st_size,
        modified=status.st_mtime,
        held=held is not None and (held.mode in (FOLDER, SUBMODULE)) == is_folder,
        ignored=ignored,
        link=_link(project, path) if stat.S_ISLNK(status.st_mode) else None,
    )


def _row_at(project: Project, path: str, entry: Entry) -> FileRow:
    is_folder = entry.mode in (FOLDER, SUBMODULE)
    size = None if is_folder else project.repository.blob_size(entry.oid)
    link = project.repository.blob(entry.oid).decode("utf-8", "replace") if entry.mode == LINK else None
    return FileRow(path, is_folder, bytes=size, link=link)


def _link(project: Project, path: str) -> str | None:
    found = present.read(project.path, path)
    return found.data.decode("utf-8", "replace") if isinstance(found, present.Found) else None


def _order(row: FileRow) -> tuple[bool, str, str]:
    return (not row.is_folder, row.path.casefold(), row.path)


def _no_folder(folder: str) -> NotFound:
    return NotFound(f"There is no folder “{folder}” in the project.")


def _no_file(path: str) -> NotFound:
    return NotFound(f"There is no file “{path}” in the project.")
