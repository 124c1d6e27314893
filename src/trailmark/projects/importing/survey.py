"""Looking at what is to be imported: how much it is, and what a person should know of it beforehand."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trailmark.errors import InvalidInput
from trailmark.git import FOLDER, LINK, Oid, Repository
from trailmark.git.model import SUBMODULE
from trailmark.projects.copy import REBUILDABLE

MOST_FILES = 500_000
_DEEPEST = 100
_LISTED = 5
_LONGEST_LINK = 4096


@dataclass(frozen=True)
class Size:
    """How many files there are, and their bytes."""

    files: int
    bytes: int


def measure(repository: Repository, tree: Oid | None, room: Path) -> Size:
    """Count a tree's files without visiting the same folder twice. Raises InvalidInput for more than is sensible.

    A few objects can stand for billions of files: this is found out before one of them is written.
    """
    if tree is None:
        return Size(0, 0)
    size = _measure(repository, tree, {}, 0)
    free = shutil.disk_usage(room).free
    if size.files > MOST_FILES:
        raise InvalidInput(
            f"The repository holds {size.files:,} files; {MOST_FILES:,} are the most. Nothing was kept."
        )
    if size.bytes > free:
        raise InvalidInput(
            f"Its files take {size.bytes / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Nothing was kept."
        )
    return size


def measure_folder(folder: Path) -> Size:
    """Count the files of a folder that an import would take along."""
    files = size = 0
    for below, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git" and name not in REBUILDABLE]
        for name in names:
            files += 1
            size += os.lstat(os.path.join(below, name)).st_size
    return Size(files, size)


def remarks(repository: Repository, tree: Oid | None) -> list[str]:
    """Return what a person should know of a tree before its files become a project."""
    submodules, links = [], []
    uses_lfs = False
    for path, entry in repository.iter_files(tree):
        if entry.mode == SUBMODULE:
            submodules.append(path)
        elif entry.mode == LINK and _leads_out(path, repository.blob(entry.oid)):
            links.append(path)
        elif path.rpartition("/")[2] == ".gitattributes":
            uses_lfs = uses_lfs or b"filter=lfs" in repository.blob(entry.oid)
    return [
        *_said(submodules, "is a submodule and is not fetched", "are submodules and are not fetched"),
        *_said(links, "is a link that leads out of the project", "are links that lead out of the project"),
        *(["large files are kept with Git LFS: only their pointers come along"] if uses_lfs else []),
    ]


def _measure(repository: Repository, tree: Oid, known: dict[Oid, Size], depth: int) -> Size:
    if tree in known:
        return known[tree]
    if depth > _DEEPEST:
        raise InvalidInput(f"Its folders lie more than {_DEEPEST} deep in one another. Nothing was kept.")
    files = size = 0
    for entry in repository.children(tree).values():
        if entry.mode == FOLDER:
            below = _measure(repository, entry.oid, known, depth + 1)
            files, size = files + below.files, size + below.bytes
        elif entry.mode != SUBMODULE:
            files, size = files + 1, size + repository.blob_size(entry.oid)
    known[tree] = Size(files, size)
    return known[tree]


def _leads_out(path: str, target: bytes) -> bool:
    text = target[:_LONGEST_LINK].decode("utf-8", "replace")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
    return text.startswith("/") or joined == ".." or joined.startswith("../")


def _said(paths: list[str], one: str, many: str) -> Iterator[str]:
    if len(paths) == 1:
        yield f"{paths[0]} {one}"
    elif paths:
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        yield f"{', '.join(paths[:_LISTED])}{more} {many}"
