"""Where files are read from: the project's folder as it is now, or a commit."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from trailmark.errors import NotFound
from trailmark.git import FOLDER, LINK, Oid, Repository, present
from trailmark.git.model import SUBMODULE

ItemKind = Literal["folder", "file", "link", "other"]
_HIDDEN = frozenset({".git"})


@dataclass(frozen=True)
class Item:
    """One name in a folder. `changed` is None where only a commit is looked at."""

    name: str
    path: str
    kind: ItemKind
    bytes: int | None = None
    changed: float | None = None


class Source(Protocol):
    """Reads files; paths are relative to the project, with slashes."""

    def find(self, path: str) -> Item | None:
        """Return what lies at a path; the empty path is the project itself."""

    def children(self, path: str) -> list[Item]:
        """Return what lies in a folder, in no order. Raises NotFound."""

    def open(self, path: str) -> BinaryIO:
        """Open a file. Raises NotFound for what is none."""


class Now:
    """The project's folder. No symbolic link is followed, and git's own folder is not shown."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, path: str) -> Item | None:
        """Return what lies at a path."""
        name = path.rpartition("/")[2]
        if not path:
            return Item("", "", "folder")
        if not present.is_plain_path(path):
            return None
        try:
            with present.parent_of(self._root, path) as folder:
                return _item(name, path, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError:
            return None

    def children(self, path: str) -> list[Item]:
        """Return what lies in a folder."""
        below = f"{path}/" if path else ""
        if path and not present.is_plain_path(path):
            raise _absent(path)
        try:
            with present.parent_of(self._root, f"{below}x") as folder, os.scandir(folder) as entries:
                return [
                    _item(entry.name, below + entry.name, entry.stat(follow_symlinks=False))
                    for entry in entries
                    if entry.name not in _HIDDEN and not present.is_temporary(entry.name)
                ]
        except OSError as error:
            raise _absent(path) from error

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        if not present.is_plain_path(path):
            raise _absent(path)
        try:
            stream = present.open_file(self._root, path)
        except OSError as error:
            raise _absent(path) from error
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            stream.close()
            raise _absent(path)
        return stream


class Then:
    """The files of a commit."""

    def __init__(self, repository: Repository, commit: Oid) -> None:
        self._repository = repository
        self._tree = repository.tree_of(commit)

    def find(self, path: str) -> Item | None:
        """Return what lay at a path."""
        if not path:
            return Item("", "", "folder")
        entry = self._repository.find_entry(self._tree, path)
        return None if entry is None else self._item(path.rpartition("/")[2], path, entry.oid, entry.mode)

    def children(self, path: str) -> list[Item]:
        """Return what lay in a folder."""
        tree = self._tree
        if path:
            entry = self._repository.find_entry(self._tree, path)
            tree = entry.oid if entry is not None and entry.mode == FOLDER else None
        if tree is None:
            raise _absent(path)
        below = f"{path}/" if path else ""
        return [
            self._item(name, below + name, entry.oid, entry.mode)
            for name, entry in self._repository.children(tree).items()
        ]

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        entry = self._repository.find_entry(self._tree, path)
        if entry is None or entry.mode in (FOLDER, SUBMODULE, LINK):
            raise _absent(path)
        return BytesIO(self._repository.blob(entry.oid))

    def _item(self, name: str, path: str, oid: Oid, mode: int) -> Item:
        kinds: dict[int, ItemKind] = {FOLDER: "folder", LINK: "link", SUBMODULE: "other"}
        kind = kinds.get(mode, "file")
        return Item(name, path, kind, self._repository.blob_size(oid) if kind == "file" else None)


def _item(name: str, path: str, status: os.stat_result) -> Item:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return Item(name, path, "folder", changed=status.st_mtime)
    if stat.S_ISREG(mode):
        return Item(name, path, "file", status.st_size, status.st_mtime)
    return Item(name, path, "link" if stat.S_ISLNK(mode) else "other", changed=status.st_mtime)


def _absent(path: str) -> NotFound:
    return NotFound(f"There is nothing at {path or 'this place'} that could be shown.")
