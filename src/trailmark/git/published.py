"""Putting an index of ours in the place of git's own, and keeping what a person has staged there.

A person's own `git commit` commits what git's index holds: an index that lags behind our commits would take them
back, and one that we replaced without looking would forget what the person has staged. So what was staged since
we put it there last is carried over, and it is replaced only while nobody else's git is at work.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from trailmark.git.model import FOLDER, Entry, Oid
from trailmark.git.repository import Repository

_FILE = "published.json"
_CHECKSUM_BYTES = 20
_MOST_STAGED = 2000
_MOST_COMMITS = 50
_EMPTY = Oid("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")

Staged = Mapping[str, Entry | None]


@dataclass(frozen=True)
class _Last:
    """What we put there last: of which commit, and the checksum of the file (None: with staged files in it)."""

    commit: Oid | None
    checksum: str | None


def publish(repository: Repository, ours: Path, commit: Oid | None) -> bool:
    """Put a copy of our index, which says what `commit` says, in the place of git's own.

    False, with nothing changed, while a program holds the lock of that index or changes it, or a merge in it is
    not resolved. The copy becomes `index.lock` by a hard link, and the index by a rename. A kill in between leaves
    a lock that is the same file as our copy: that proves whose it is, and the next call removes it.
    """
    target = repository.git_folder / "index"
    lock, copy = target.with_name("index.lock"), target.with_name("index.trailmark")
    if _is_same_file(copy, lock):
        lock.unlink()
    copy.unlink(missing_ok=True)
    seen, last = _checksum(target), _remembered(ours.parent)
    if not ours.exists():
        return True
    if _checksum(ours) == seen:
        _remember(ours.parent, _Last(commit, seen))
        return True
    staged = {} if seen is None or seen == last.checksum else _staged(repository, target, last.commit)
    if staged is None:
        return False
    try:
        shutil.copyfile(ours, copy)
        _put(copy, staged)
        os.link(copy, lock)
        # Nobody's git changes the index or commits from here on.
        if _checksum(target) != seen or repository.head() != commit:
            lock.unlink()
            return False
        lock.replace(target)
    except FileExistsError:
        return False
    finally:
        copy.unlink(missing_ok=True)
    _remember(ours.parent, _Last(commit, None if staged else _checksum(target)))
    return True


def is_behind(folder: Path, commit: Oid | None) -> bool:
    """Return whether what was put in the place of git's index last, as `folder` remembers, is not of a commit."""
    return _remembered(folder).commit != commit


def _staged(repository: Repository, index: Path, base: Oid | None) -> Staged | None:
    """Return what a person has staged in git's index; None when it cannot be carried over.

    What is as some commit since `base` has it was not staged, only not brought up to date.
    """
    try:
        theirs = pygit2.Index(str(index))
    except pygit2.GitError:
        return {}
    if theirs.conflicts is not None:
        return None
    commits = _since(repository, base)
    trees = [repository.tree_of(commit) for commit in commits] or [None]
    newest = repository.raw[trees[0] or repository.raw.TreeBuilder().write()]
    assert isinstance(newest, pygit2.Tree)
    staged: dict[str, Entry | None] = {}
    for delta in newest.diff_to_index(theirs).deltas:
        with contextlib.suppress(UnicodeDecodeError):
            path = (delta.new_file.raw_path or delta.old_file.raw_path).decode()
            entry = _entry(theirs, path)
            # An empty file may stand for one that git was told of and shall not hold yet (`add --intent-to-add`).
            if entry is None or entry.oid != _EMPTY:
                staged[path] = entry
    if len(staged) > _MOST_STAGED:
        return None
    for tree in trees:
        for path in [path for path, entry in staged.items() if _file(repository, tree, path) == entry]:
            del staged[path]
    return staged


def _since(repository: Repository, base: Oid | None) -> list[Oid]:
    """Return the newest commits, the first one first, back to `base` as far as it is near."""
    found: list[Oid] = []
    oid = repository.head()
    while oid is not None and len(found) < _MOST_COMMITS:
        found.append(oid)
        if oid == base:
            break
        oid = next(iter(repository.commit(oid).parents), None)
    return found


def _entry(index: pygit2.Index, path: str) -> Entry | None:
    try:
        found = index[path]
    except KeyError:
        return None
    return Entry(Oid(str(found.id)), int(found.mode))


def _file(repository: Repository, tree: Oid | None, path: str) -> Entry | None:
    entry = repository.find_entry(tree, path)
    return None if entry is None or entry.mode == FOLDER else entry


def _put(copy: Path, staged: Staged) -> None:
    if not staged:
        return
    index = pygit2.Index(str(copy))
    for path, entry in staged.items():
        with contextlib.suppress(OSError):
            index.remove(path)
        if entry is not None:
            index.add(pygit2.IndexEntry(path, pygit2.Oid(hex=entry.oid), FileMode(entry.mode)))
    index.write()


def _remembered(folder: Path) -> _Last:
    try:
        value = json.loads((folder / _FILE).read_bytes())
        return _Last(value["commit"], value["checksum"])
    except (OSError, ValueError, KeyError, TypeError):
        return _Last(None, None)


def _remember(folder: Path, last: _Last) -> None:
    """Note what was put there. It may get lost: then more is compared the next time."""
    if last != _remembered(folder):
        temporary = folder / f"{_FILE}.new"
        temporary.write_text(json.dumps({"commit": last.commit, "checksum": last.checksum}), encoding="ascii")
        temporary.replace(folder / _FILE)


def _checksum(index: Path) -> str | None:
    """Return the checksum at the end of an index file, None when there is no file."""
    try:
        with index.open("rb") as stream:
            stream.seek(-_CHECKSUM_BYTES, os.SEEK_END)
            return stream.read().hex()
    except OSError:
        return None


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except FileNotFoundError:
        return False
