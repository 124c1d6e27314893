"""Turning the work tree from one commit's tree into another's without losing what git does not hold.

A file is first taken out of its place, in one step, and then looked at: only what git holds is removed; anything
else is set aside, in a folder outside of the tree. So nothing is lost of what a program writes at that moment. The
intention is on disk before the first file changes, so that whoever comes after a crash carries it out to the end;
doing it twice does no harm.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trailmark.durable import sync_folder, write_file
from trailmark.git import present
from trailmark.git.durable import sync_files
from trailmark.git.exchange import exchange, move_to_free
from trailmark.git.model import EXECUTABLE, LINK, SUBMODULE, Entry, Oid, TreeChange
from trailmark.git.repository import Repository
from trailmark.git.worktree import Canonical, as_is

_PENDING = "trailmark/pending-checkout.json"
_ATTEMPTS = 20
_KEPT_FOLDERS = frozenset({"code", "input", "output"})


@dataclass(frozen=True)
class CheckoutPlan:
    """The files that are to become others."""

    changes: tuple[TreeChange, ...]


@dataclass(frozen=True)
class Pending:
    """A checkout that has been announced. `token` says what it belongs to; its meaning is the caller's."""

    old: Oid | None
    new: Oid | None
    token: str


@dataclass(frozen=True)
class Restored:
    """What a checkout did. `set_aside` maps what git did not hold to where it lies now."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    set_aside: Mapping[str, Path] = field(default_factory=dict)


def plan_checkout(repository: Repository, old: Oid | None, new: Oid | None) -> CheckoutPlan:
    """Return what turns the files of the tree `old` into those of the tree `new`."""
    changes = repository.diff(old, new)
    return CheckoutPlan(tuple(change for change in changes if present.is_plain_path(change.path)))


def announce(repository: Repository, pending: Pending) -> None:
    """Write down, durably, that a checkout is about to be carried out."""
    path = repository.git_folder / _PENDING
    path.parent.mkdir(exist_ok=True, mode=0o700)
    value = {"old": pending.old, "new": pending.new, "token": pending.token}
    write_file(path, json.dumps(value).encode())


def announced(repository: Repository) -> Pending | None:
    """Return the checkout that a crash may have left half done, None when there is none."""
    try:
        value = json.loads((repository.git_folder / _PENDING).read_bytes())
        return Pending(value["old"], value["new"], value["token"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        withdraw(repository)
        return None


def withdraw(repository: Repository) -> None:
    """Forget the announced checkout: it is done, or is not to be."""
    path = repository.git_folder / _PENDING
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def apply_checkout(
    repository: Repository,
    plan: CheckoutPlan,
    *,
    keep: Path,
    canonical: Canonical = as_is,
    in_use: Container[str] = frozenset(),
) -> Restored:
    """Carry a plan out; what git does not hold and is in the way moves to `keep`. Raises OSError.

    So do files `in_use`, which a program still writes to. On return the files are on disk. After an error or a
    crash the same plan can be applied again.
    """
    work = _Checkout(repository, keep, canonical, in_use)
    for change in plan.changes:
        if change.old is not None and (change.new is None or change.new.mode == SUBMODULE):
            work.remove(change.path, change.old)
    work.prune()
    for change in plan.changes:
        if change.new is not None:
            work.put(change.path, change.old, change.new)
    work.sync()
    return Restored(tuple(work.written), tuple(work.removed), work.set_aside)


def set_aside(root: Path, path: str, keep: Path, *, under: str | None = None) -> Path:
    """Move a file or folder of the work tree to the folder `keep`; return where it lies now. Raises OSError.

    `under` is the name that it has in its folder now, when that is another.
    """
    target = _free(keep / path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = under or _name(path)
    with present.parent_of(root, path) as folder:
        try:
            os.rename(name, target, src_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.move((root / path).with_name(name), target)
    sync_folder(target.parent)
    return target


class _Checkout:
    """One application of a plan."""

    def __init__(
        self, repository: Repository, keep: Path, canonical: Canonical, in_use: Container[str]
    ) -> None:
        self._repository = repository
        self._root = repository.path
        self._keep = keep
        self._canonical = canonical
        self._in_use = in_use
        self._folders: set[str] = set()
        self.written: list[str] = []
        self.removed: list[str] = []
        self.set_aside: dict[str, Path] = {}

    def remove(self, path: str, old: Entry) -> None:
        """Remove a file; set it aside when it is not what git holds."""
        if old.mode == SUBMODULE:
            return
        self._let_go(path, [old])
        seen = present.glance(self._root, path)
        if seen is None or isinstance(seen, present.Folder):
            return
        stamp = self._stamp(path)
        if not self._is(path, old):
            self._set_aside(path)
            return
        with present.parent_of(self._root, path) as folder:
            os.rename(_name(path), present.temporary_name(path), src_dir_fd=folder, dst_dir_fd=folder)
        if self._let_go(path, [old], stamp):
            self.removed.append(path)

    def prune(self) -> None:
        """Remove the folders that the removals left empty, but for a project's usual ones."""
        gone = {*self.removed, *self.set_aside}
        parents = {parent for path in gone for parent in _parents(path)} - _KEPT_FOLDERS
        for path in sorted(parents, key=lambda parent: parent.count("/"), reverse=True):
            with contextlib.suppress(OSError), present.parent_of(self._root, path) as folder:
                os.rmdir(_name(path), dir_fd=folder)

    def put(self, path: str, old: Entry | None, new: Entry) -> None:
        """Write a file; what is in its way and not what git holds is set aside."""
        self._make_parents(path)
        seen = present.glance(self._root, path)
        if new.mode == SUBMODULE:
            if seen is None:
                with present.parent_of(self._root, path) as folder:
                    os.mkdir(_name(path), dir_fd=folder)
            return
        held = [entry for entry in (old, new) if entry is not None and entry.mode != SUBMODULE]
        if self._is_done(path, seen, new):
            self._let_go(path, held)
            return
        stamp = self._stamp(path)
        if seen is not None and not any(self._is(path, entry) for entry in held):
            self._set_aside(path)
        self._create(path, new)
        self._put_in_place(path, held, stamp)
        self.written.append(path)

    def sync(self) -> None:
        """Return once all that was written is on disk."""
        sync_files(self._root / path for path in self.written if not (self._root / path).is_symlink())
        folders = {(self._root / path).parent for path in (*self.written, *self.removed, *self.set_aside)}
        for folder in folders:
            if folder.is_dir():
                sync_folder(folder)

    def _put_in_place(self, path: str, held: Sequence[Entry], stamp: Sequence[int]) -> None:
        """Give a new file its name; what has the name now takes the other one, and is let go."""
        name, temporary = _name(path), present.temporary_name(path)
        for _ in range(_ATTEMPTS):
            with present.parent_of(self._root, path) as folder:
                with contextlib.suppress(FileExistsError):
                    return move_to_free(temporary, name, folder)
                with contextlib.suppress(FileNotFoundError):
                    if exchange(temporary, name, folder):
                        self._let_go(path, held, stamp)
                        return None
            if not any(self._is(path, entry) for entry in held):
                self._set_aside(path)
                continue
            with present.parent_of(self._root, path) as folder:
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                return None
        raise FileExistsError(errno.EEXIST, "It is written anew again and again", path)

    def _let_go(self, path: str, held: Sequence[Entry], stamp: Sequence[int] = ()) -> bool:
        """Remove what was taken out of a place, or set it aside; return whether it was there and git holds it.

        With this `stamp` it was looked at already, and git held it.
        """
        temporary = present.temporary_name(path)
        beside = path.removesuffix(_name(path)) + temporary
        if present.glance(self._root, beside) is None:
            return False
        is_known = bool(stamp) and self._stamp(beside) == stamp
        if path in self._in_use or not (is_known or any(self._is(beside, entry, path) for entry in held)):
            self._set_aside(path, under=temporary)
            return False
        with present.parent_of(self._root, path) as folder:
            os.unlink(temporary, dir_fd=folder)
        return True

    def _stamp(self, path: str) -> Sequence[int]:
        """Return what changes when a file is written to, and not when it is renamed; nothing when there is none."""
        try:
            with present.parent_of(self._root, path) as folder:
                status = os.stat(_name(path), dir_fd=folder, follow_symlinks=False)
        except OSError:
            return ()
        return (status.st_ino, status.st_size, status.st_mtime_ns)

    def _is_done(self, path: str, seen: object, new: Entry) -> bool:
        return (
            isinstance(seen, present.Seen)
            and seen.mode == new.mode
            and present.file_id(self._root, path) == new.oid
        )

    def _is(self, path: str, entry: Entry, named: str | None = None) -> bool:
        """Return whether the file at a path holds what git holds in `entry`, for a file `named` so."""
        if present.file_id(self._root, path) == entry.oid:
            return True
        found = present.read(self._root, path, max_bytes=2 * self._repository.blob_size(entry.oid) + 65536)
        if not isinstance(found, present.Found):
            return False
        return present.blob_id(self._canonical(named or path, found.data)) == entry.oid

    def _make_parents(self, path: str) -> None:
        for parent in reversed(_parents(path)):
            if parent in self._folders:
                continue
            seen = present.glance(self._root, parent)
            if seen is not None and not isinstance(seen, present.Folder):
                self._set_aside(parent)
                seen = None
            if seen is None:
                with present.parent_of(self._root, parent) as folder:
                    os.mkdir(_name(parent), dir_fd=folder)
            self._folders.add(parent)

    def _create(self, path: str, entry: Entry) -> None:
        """Write a new file under the name that it has until it takes its place."""
        data = self._repository.blob(entry.oid)
        temporary = present.temporary_name(path)
        with present.parent_of(self._root, path) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            if entry.mode == LINK and data and b"\0" not in data:
                os.symlink(os.fsdecode(data), temporary, dir_fd=folder)
            else:
                _write(temporary, folder, data, 0o777 if entry.mode == EXECUTABLE else 0o666)

    def _set_aside(self, path: str, *, under: str | None = None) -> None:
        self.set_aside[path] = set_aside(self._root, path, self._keep, under=under)


def _write(name: str, folder: int, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, mode, dir_fd=folder), "wb") as stream:
        stream.write(data)


def _free(path: Path) -> Path:
    """Return the path, or the next one like it where nothing lies."""
    number = 1
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _parents(path: str) -> list[str]:
    """Return the folders above a path, the nearest first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]
