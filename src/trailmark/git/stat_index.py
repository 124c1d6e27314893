"""An index of our own: what each file of the work tree looked like when its content was last known.

It lives in `.git/trailmark`, laid out as a git directory whose objects and work tree are the repository's
own, so that libgit2 compares 20,000 files with it in a few dozen milliseconds. It is derived (removing it
costs one slow look), never holds what a person has staged, and reads bytes as they are: conversion of line
ends and filters are off. A copy of it takes the place of git's own index, so that `git status` is clean.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import DiffOption, FileMode

from trailmark.errors import Busy
from trailmark.git import present
from trailmark.git.model import FOLDER, SUBMODULE, Entry, Oid
from trailmark.git.published import publish
from trailmark.git.repository import Repository

FOLDER_NAME = "trailmark"
_FLAGS = (
    DiffOption.INCLUDE_UNTRACKED
    | DiffOption.RECURSE_UNTRACKED_DIRS
    | DiffOption.INCLUDE_TYPECHANGE
    | DiffOption.UPDATE_INDEX
)
_FEW = 500
# libgit2's own limit.
_DEEPEST = 100
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.1
_RAW_BYTES = "* -text -eol -ident -filter -working-tree-encoding\n"
_COPIED_SETTINGS = ("core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode")


@contextmanager
def opened(repository: Repository) -> Iterator[StatIndex]:
    """Open the repository's index of ours, for one process at a time; it is made when there is none."""
    folder = repository.git_folder / FOLDER_NAME
    folder.mkdir(exist_ok=True, mode=0o700)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        (folder / "index.lock").unlink(missing_ok=True)
        _lay_out(repository, folder)
        yield StatIndex(repository, folder)
    finally:
        os.close(fd)


class StatIndex:
    """The index while its lock is held; see `opened`."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self._repository = repository
        self._file = folder / "index"
        self._raw, self._index = _load(folder)

    def differing(self, tree: Oid | None) -> list[str | bytes]:
        """Return the paths that may differ from `tree` or that it lacks, without the ignored ones.

        A nested repository ends with a slash. A path that is not UTF-8 comes as bytes. Raises Busy when files come
        and go faster than they can be looked at.
        """
        self.bring_to(tree)
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(pygit2.GitError, OSError):
                return _paths(self._index.diff_to_workdir(_FLAGS))
            time.sleep(_PAUSE_SECONDS)
        deep = _too_deep(self._repository.path)
        if deep is not None:
            raise Busy(
                f"{deep} lies more than {_DEEPEST} folders deep, where git cannot look, so what changed in the "
                "project's files is not seen. Nothing was changed. Move or remove that folder."
            )
        raise Busy("Files of the project come and go at this moment. Nothing was changed; try again.")

    def bring_to(self, tree: Oid | None) -> None:
        """Make the index say what `tree` says, remembering what is known of files that are the same."""
        wanted = self._raw[tree or self._raw.TreeBuilder().write()]
        assert isinstance(wanted, pygit2.Tree)
        paths = _paths(wanted.diff_to_index(self._index))
        if not paths:
            return
        texts = [path for path in paths if isinstance(path, str)]
        if len(texts) == len(paths) <= _FEW:
            self._bring(texts, tree)
        else:
            self._index.read_tree(wanted)
        self._index.write()

    def publish(self, commit: Oid | None) -> bool:
        """Put a copy, which says what `commit` says, in the place of git's own index; see `published.publish`."""
        return publish(self._repository, self._file, commit)

    def _bring(self, paths: Iterable[str], tree: Oid | None) -> None:
        for path in paths:
            entry = self._repository.find_entry(tree, path)
            if entry is not None and entry.mode == FOLDER:
                entry = None
            if not self._has_taken(path, entry):
                with contextlib.suppress(OSError):
                    self._index.remove(path)
                if entry is not None:
                    self._index.add(pygit2.IndexEntry(path, pygit2.Oid(hex=entry.oid), FileMode(entry.mode)))
        self._index.write_tree()

    def _has_taken(self, path: str, entry: Entry | None) -> bool:
        """Take a file in as it is in the work tree, if that is what the tree says; return whether it is."""
        if entry is None or entry.mode == SUBMODULE:
            return False
        if present.file_id(self._repository.path, path) != entry.oid:
            return False
        try:
            self._index.add(path)
        except (pygit2.GitError, OSError):
            return False
        added = self._index[path]
        return (str(added.id), int(added.mode)) == (entry.oid, entry.mode)


def _too_deep(work_tree: Path) -> str | None:
    """Return the first folders of a path that is deeper than libgit2 goes, None when there is none."""
    start = len(work_tree.parts)
    for parent, folders, _ in os.walk(work_tree):
        parts = Path(parent).parts[start:]
        if len(parts) > _DEEPEST:
            return "/".join(parts[:3]) + "/…"
        folders[:] = [] if parts[:1] == (".git",) else folders
    return None


def _load(folder: Path) -> tuple[pygit2.Repository, pygit2.Index]:
    raw = pygit2.Repository(str(folder))
    try:
        return raw, raw.index
    except (pygit2.GitError, OSError):
        (folder / "index").unlink(missing_ok=True)
        raw = pygit2.Repository(str(folder))
        return raw, raw.index


def _lay_out(repository: Repository, folder: Path) -> None:
    """Make the folder a git directory of its own over the same objects and work tree."""
    home = repository.git_folder
    usual = home == repository.path / ".git"
    settings = repository.raw.config
    lines = [
        "[core]",
        "repositoryformatversion = 0",
        "bare = false",
        f"worktree = {'../..' if usual else repository.path}",
        *(
            f"{name.removeprefix('core.')} = {settings[name]}"
            for name in _COPIED_SETTINGS
            if name in settings
        ),
    ]
    files = {
        "config": "\n".join(lines) + "\n",
        "HEAD": "ref: refs/heads/none\n",
        "info/attributes": _RAW_BYTES,
    }
    config = folder / "config"
    if config.exists() and config.read_text(encoding="utf-8") == files["config"]:
        return
    for name in ("refs", "info"):
        (folder / name).mkdir(exist_ok=True)
    for name, target in (("objects", "../objects"), ("info/exclude", "../../info/exclude")):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    (folder / "index").unlink(missing_ok=True)
    for name in ("HEAD", "info/attributes", "config"):
        (folder / name).write_text(files[name], encoding="utf-8")


def _paths(diff: pygit2.Diff) -> list[str | bytes]:
    raw = {delta.new_file.raw_path or delta.old_file.raw_path for delta in diff.deltas}
    return [_decoded(path) for path in sorted(raw)]


def _decoded(path: bytes) -> str | bytes:
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path
