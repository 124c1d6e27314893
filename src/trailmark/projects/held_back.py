"""Files of a project that git does not hold: which ones have been told of, so that each change is told once.

The memory lies with the project's state. It is derived: losing it means being told once more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from trailmark.activity import FileRef
from trailmark.durable import write_file
from trailmark.git import present
from trailmark.git.present import HeldBack
from trailmark.projects.difference import look
from trailmark.projects.project import Project

_CHUNK = 1 << 20
_REASONS: Mapping[str, str] = {
    "repository": "a git repository of its own",
    "name": "its name cannot be written down",
    "kind": "no ordinary file",
    "unreadable": "cannot be read",
    "secret": "holds the value of a secret",
}


@dataclass(frozen=True)
class Notice:
    """What is known of one file that git does not hold. `stamp` tells whether it was touched since."""

    path: str
    bytes: int
    reason: str
    digest: str | None
    stamp: tuple[int, ...]


class Notices:
    """The files that git does not hold and that records have told of."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._root = project.path
        self._file = project.state / "held-back.json"
        self._known = _load(self._file)

    def news(self, held_back: Iterable[HeldBack], *, leaving: Container[str] = ()) -> list[Notice]:
        """Return what no record has told yet of these files, hashing those that were touched.

        Of those that are `leaving` git it is told again.
        """
        notices = []
        for held in held_back:
            known = self._known.get(held.path)
            notice = self._look(held, known)
            if notice is None:
                continue
            if known is None or known.digest != notice.digest or held.path in leaving:
                notices.append(notice)
        return notices

    def vanished(self, held_back: Iterable[HeldBack], within: frozenset[str] | None) -> list[str]:
        """Return the paths told of where nothing lies any more, of all or `within` these paths."""
        there = {held.path for held in held_back}
        return [
            path
            for path in sorted(self._known.keys() - there)
            if (within is None or present.is_within(path, within))
            and present.glance(self._root, path) is None
        ]

    def remember(self, notices: Iterable[Notice], forget: Iterable[str]) -> None:
        """Note that a record tells of these, and that the paths of `forget` are no longer held back."""
        before = dict(self._known)
        for path in forget:
            self._known.pop(path, None)
        self._known.update({notice.path: notice for notice in notices})
        if self._known != before:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_file(
                self._file, json.dumps([asdict(self._known[path]) for path in sorted(self._known)]).encode()
            )

    def digests(self) -> Mapping[str, str | None]:
        """Return the SHA-256 of each file that records have told of; None where it is not known."""
        return {path: notice.digest for path, notice in self._known.items()}

    def forget(self, path: str) -> None:
        """Note that a record tells of the end of a path and all below it."""
        gone = [known for known in self._known if known == path or known.startswith(f"{path}/")]
        self.remember((), forget=gone)

    def told(self, writes: Iterable[FileRef], deletes: Iterable[str]) -> None:
        """Note that another record told of these files, as far as they are held back, and that others are gone."""
        refs = {write.path: write for write in writes if not (write.held or write.external or write.open)}
        held_back = look(self._project, frozenset(refs)).held_back if refs else ()
        notices = [
            Notice(_written_down(path), 0, "name", None, ())
            for path in refs
            if not present.is_plain_path(path)
        ]
        for held in held_back:
            with contextlib.suppress(OSError):
                ref, stamp = refs[held.path], _stamp(self._root, held.path)
                notices.append(Notice(held.path, held.bytes, held.reason, ref.digest, stamp))
        self.remember(notices, forget=map(_written_down, deletes))

    def _look(self, held: HeldBack, known: Notice | None) -> Notice | None:
        if held.reason != "size":
            return Notice(held.path, held.bytes, held.reason, None, ())
        try:
            stamp = _stamp(self._root, held.path)
            if known is not None and known.stamp == stamp:
                return known
            digest, size = _digest(self._root, held.path)
        except OSError:
            return None
        return Notice(held.path, size, held.reason, digest, stamp)


def described(notice: Notice) -> str:
    """Return why git does not hold a file, in a few words."""
    return _REASONS.get(notice.reason) or f"{_size(notice.bytes)}, too large for git"


def _written_down(path: str) -> str:
    """Return a path as it is told of: what is no UTF-8 in it is escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _size(count: float) -> str:
    units = ["bytes", "KB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return f"{count:.0f} {units[0]}" if count >= 10 else f"{count:.1f} {units[0]}"


def _stamp(root: Path, path: str) -> tuple[int, ...]:
    with present.parent_of(root, path) as folder:
        status = os.stat(path.rpartition("/")[2], dir_fd=folder, follow_symlinks=False)
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _digest(root: Path, path: str) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    with present.open_file(root, path) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise FileNotFoundError(path)
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _load(file: Path) -> dict[str, Notice]:
    try:
        notices = [
            Notice(**{**item, "stamp": tuple(item["stamp"])}) for item in json.loads(file.read_bytes())
        ]
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError):
        return {}
    return {notice.path: notice for notice in notices}
