"""Changing single files for a person: put, write, move, delete. Each is one record.

The file itself is changed first and the record follows: after a crash in between, the next sweep finds the
change and records it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trailmark.activity import Action, Change, Recorded, record
from trailmark.durable import sync_folder
from trailmark.errors import AlreadyExists, InvalidInput, NotFound, Unavailable
from trailmark.git import checkout, present, worktree
from trailmark.projects.alter import alter, keeping_folder
from trailmark.projects.held_back import Notices
from trailmark.projects.manifest import FILE_NAME
from trailmark.projects.paths import check_new_path
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready
from trailmark.projects.sweep import sweep

KEEPER = ".gitkeep"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True)
class Deleted:
    """What was recorded, and where those files lie now that git did not hold (None: it held them all)."""

    recorded: Recorded
    kept: Path | None


def put_file(
    project: Project, path: str, source: Path, *, replace: bool = False, actor: str = "person"
) -> Recorded:
    """Move a finished upload into the project. Raises InvalidInput; AlreadyExists unless it may `replace`."""
    return put_files(project, {path: source}, replace=replace, actor=actor)


def put_files(
    project: Project, files: Mapping[str, Path], *, replace: bool = False, actor: str = "person"
) -> Recorded:
    """Move finished uploads to their paths in the project, all with one record; one that is refused stops all.

    Raises InvalidInput; AlreadyExists unless it may `replace`.
    """
    with _changing(project, actor):
        for path in files:
            _require_room(project, check_new_path(path), replace=replace)
        for path, source in files.items():
            _make_way(project, path, replace=replace)
            _move_in(project, source, path)
        return _recorded(project, set(files), _uploaded(tuple(files)), actor)


def write_file(
    project: Project, path: str, data: bytes, *, told: str, actor: str = "person"
) -> Recorded | None:
    """Give a file of the project new content; None when it had that content already."""
    with _changing(project, actor):
        found = present.read(project.path, check_new_path(path), max_bytes=len(data))
        if isinstance(found, present.Found) and found.data == data:
            return None
        _make_way(project, path, replace=True)
        project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = project.state / present.temporary_name(path)
        source.write_bytes(data)
        _move_in(project, source, path)
        return _recorded(project, {path}, told, actor)


def make_folder(project: Project, path: str, *, actor: str = "person") -> Recorded:
    """Make a folder; a file in it keeps it in git. Raises InvalidInput, AlreadyExists."""
    with _changing(project, actor):
        check_new_path(path)
        if present.glance(project.path, path) is not None:
            raise AlreadyExists(f"There is something called {path} already. Nothing was changed.")
        present.make_folders(project.path, path)
        with present.parent_of(project.path, f"{path}/{KEEPER}") as folder:
            os.close(os.open(KEEPER, _NEW_FILE, 0o666, dir_fd=folder))
        return _recorded(project, {f"{path}/{KEEPER}"}, f"Made the folder {path}", actor)


def move(project: Project, old: str, new: str, *, actor: str = "person") -> Recorded:
    """Give a file or folder another name or place. Raises InvalidInput, NotFound, AlreadyExists."""
    with _changing(project, actor):
        _require(project, old)
        check_new_path(new)
        if new.startswith(f"{old}/"):
            raise InvalidInput(f"{old} cannot be moved into itself. Nothing was changed.")
        if present.glance(project.path, new) is not None:
            raise AlreadyExists(f"There is something called {new} already. Nothing was changed.")
        _make_parent(project, new)
        with (
            present.parent_of(project.path, old) as left,
            present.parent_of(project.path, new) as entered,
        ):
            os.rename(_name(old), _name(new), src_dir_fd=left, dst_dir_fd=entered)
        verb = "Renamed" if _name(old) != _name(new) else "Moved"
        return _recorded(project, {old, new}, f"{verb} {old} to {new}", actor)


def delete(project: Project, path: str, *, actor: str = "person") -> Deleted:
    """Delete a file or folder. What git holds stays in the history; the rest is set aside, not destroyed."""
    with _changing(project, actor):
        _require(project, path)
        repository = project.repository
        held = [
            name
            for name, _ in repository.iter_files(repository.tree_of(repository.head()))
            if name == path or name.startswith(f"{path}/")
        ]
        deletes = tuple(held) or (path,)
        action = Action("files", f"Deleted {path}", actor=actor, tool="trailmark", deletes=deletes)
        if held:
            recorded = alter(project, action, Change(remove=frozenset(held))).recorded
        else:
            recorded = record(project.trail, action)
        kept = _clear(project, path)
        Notices(project).forget(path)
        return Deleted(recorded, kept)


@contextmanager
def _changing(project: Project, actor: str) -> Iterator[None]:
    """Hold the lock, with everything recorded that happened so far; a refusing disk becomes a plain error."""
    with project.trail.lock:
        make_ready(project, actor=actor)
        try:
            yield
        except NotADirectoryError as error:
            raise InvalidInput(
                "A part of that path is a file or a link, not a folder. Nothing was changed."
            ) from error
        except OSError as error:
            raise Unavailable(
                f"The change could not be made: {error.strerror or error}. What was recorded before is intact."
            ) from error


def _require(project: Project, path: str) -> None:
    if not present.is_plain_path(path) or present.glance(project.path, path) is None:
        raise NotFound(f"There is no file or folder “{path}” in the project.")
    if path == FILE_NAME:
        raise InvalidInput(f"{FILE_NAME} makes the folder a project; it cannot be moved or deleted.")


def _uploaded(paths: tuple[str, ...]) -> str:
    if len(paths) == 1:
        return f"Uploaded {paths[0]}"
    folder = os.path.commonpath([path.rpartition("/")[0] for path in paths])
    return f"Uploaded {len(paths):,} files" + (f" to {folder}/" if folder else "")


def _require_room(project: Project, path: str, *, replace: bool) -> None:
    """Raise unless a file may be put at a path, and in place of what is there if it may `replace`."""
    seen = present.glance(project.path, path)
    if isinstance(seen, present.Folder):
        raise AlreadyExists(f"There is a folder called {path}. Nothing was changed.")
    if seen is not None and not replace:
        raise AlreadyExists(f"There is a file {path} already. Nothing was changed.")
    above = path.rpartition("/")[0]
    while above:
        if not isinstance(present.glance(project.path, above), present.Folder | None):
            raise NotADirectoryError(above)
        above = above.rpartition("/")[0]


def _make_way(project: Project, path: str, *, replace: bool) -> None:
    """See to it that a file may be put at a path: what git does not hold there is set aside."""
    _require_room(project, path, replace=replace)
    if present.glance(project.path, path) is not None and not _is_held(project, path):
        checkout.set_aside(project.path, path, keeping_folder(project))
    _make_parent(project, path)


def _is_held(project: Project, path: str) -> bool:
    repository = project.repository
    entry = repository.find_entry(repository.tree_of(repository.head()), path)
    if entry is None or entry.mode not in worktree.FILE_MODES:
        return False
    return worktree.examine(repository, [path], max_bytes=project.max_file_bytes()).is_empty


def _make_parent(project: Project, path: str) -> None:
    parent = path.rpartition("/")[0]
    if parent:
        present.make_folders(project.path, parent)


def _move_in(project: Project, source: Path, path: str) -> None:
    """Move a finished file to its place in one step; on return it is on disk."""
    temporary = present.temporary_name(path)
    with present.parent_of(project.path, path) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        with os.fdopen(os.open(temporary, _NEW_FILE, 0o666, dir_fd=folder), "wb") as writer:
            _fill(source, writer, temporary, folder)
        os.rename(temporary, _name(path), src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def _fill(source: Path, writer: BinaryIO, name: str, folder: int) -> None:
    """Put the source in the place of the empty file that `writer` is, or copy it when it is on another disk."""
    with source.open("rb") as reader:
        try:
            os.fchmod(reader.fileno(), stat.S_IMODE(os.fstat(writer.fileno()).st_mode))
            os.fsync(reader.fileno())
            os.rename(source, name, dst_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
            source.unlink()


def _clear(project: Project, path: str) -> Path | None:
    """Take away what is left at a path after git's own files are gone; return where it went."""
    seen = present.glance(project.path, path)
    if seen is None:
        return None
    if isinstance(seen, present.Folder):
        with contextlib.suppress(OSError), present.parent_of(project.path, path) as folder:
            os.rmdir(_name(path), dir_fd=folder)
            return None
    kept = checkout.set_aside(project.path, path, keeping_folder(project))
    sync_folder(project.path)
    return kept


def _recorded(project: Project, paths: set[str], told: str, actor: str) -> Recorded:
    """Record what became of some paths; a record all the same when git holds nothing of it."""
    action = Action("files", told, actor=actor, tool="trailmark")
    recorded = sweep(project, paths=frozenset(paths), actor=actor, told=action)
    return recorded or record(project.trail, action)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
