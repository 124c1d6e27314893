"""Moving refs: several at once, durably, and so that a kill at any instant leaves nothing to clean up by hand.

A ref is locked the way git does it, by the file ``NAME.lock``, so a person's own git and we never write the
same ref at once. Our lock is a hard link to a file ``.NAME.lock`` that was written first. That second name
tells whose lock it is: whoever holds the project's lock and finds both names on one file knows that the
writer is dead, and removes them. A lock of somebody else's is never removed. A move is logged when it is made
and not before: that a ref was somewhere must not be claimed of a move that a kill prevented.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trailmark.durable import sync_folder
from trailmark.errors import AlreadyExists, Busy
from trailmark.git.durable import sync_files
from trailmark.git.model import Oid

WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.005
_NONE = "0" * 40
_OID_AND_SPACE = 41


class RefMoved(Busy):
    """A ref no longer stands where the caller last saw it; nothing was changed."""


@dataclass(frozen=True)
class RefMove:
    """One ref's way from `old` (None: it must not exist) to `new`."""

    name: str
    old: Oid | None
    new: Oid
    reason: str


@dataclass(frozen=True)
class RefFiles:
    """Where the refs of a repository lie.

    `own` is the folder for HEAD, `shared` the one for what all work trees share: the same, as a rule. `find`
    reads a ref, `names` lists all; `is_logged` says whether a ref's moves are logged.
    """

    own: Path
    shared: Path
    find: Callable[[str], Oid | None]
    names: Callable[[], Iterable[str]]
    is_logged: Callable[[str], bool]

    def move(
        self,
        moves: Sequence[RefMove],
        *,
        also_sync: Iterable[str],
        head: str,
        is_head: Callable[[], bool],
        lasting: bool,
    ) -> None:
        """Make all moves in order, after `also_sync` is on disk; on return `lasting` moves are on disk too.

        Raises RefMoved, with nothing changed, when a ref is not where it is said to be or HEAD does not stand for
        `head`, and Busy when another program keeps one locked.
        """
        with contextlib.ExitStack() as locks:
            for move in moves:
                locks.enter_context(self._locked(move))
            moved = [move.name for move in moves if self.find(move.name) != move.old]
            if moved or not is_head():
                name = moved[0] if moved else "HEAD"
                raise RefMoved(f"{name} was moved by another program; nothing was changed. Try again.")
            sync_files([*also_sync, *(self._path(move.name, ".") for move in moves)])
            for move in moves:
                self._replace(move.name)
                self._log(move, head)
        for folder in dict.fromkeys(self._path(move.name).parent for move in moves if lasting):
            sync_folder(folder)

    def names_below(self, prefix: str) -> list[str]:
        """Return the refs below a folder of refs such as `refs/heads/`, sorted; the others are not looked at."""
        start = len(str(self.shared)) + 1
        loose = {
            f"{parent}/{name}"[start:]
            for parent, _, names in os.walk(f"{self.shared}/{prefix.rstrip('/')}")
            for name in names
            if not name.endswith(".lock") and not name.startswith(".")
        }
        return sorted(loose | {name for name in self._packed() if name.startswith(prefix)})

    def _packed(self) -> list[str]:
        try:
            lines = (self.shared / "packed-refs").read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return []
        return [line[_OID_AND_SPACE:] for line in lines.splitlines() if line[:1] not in ("#", "^")]

    def sync(self) -> None:
        """Return once every ref is on disk."""
        for parent, _, names in os.walk(self.shared / "refs"):
            sync_files(Path(parent) / name for name in names)
            sync_folder(Path(parent))

    def release_stale(self, names: Iterable[str]) -> None:
        """Remove the locks on refs that a dead process of ours left. The caller holds the project's lock."""
        for name in names:
            own = self._path(name, ".")
            if own.exists():
                _release(own, self._path(name, lock=True))

    def release_all_stale(self) -> None:
        """Remove every lock that a dead process of ours left. The caller holds the project's lock."""
        for own in (self.shared / "refs").rglob(".*.lock"):
            _release(own, own.with_name(own.name[1:]))
        self.release_stale(["HEAD"])

    @contextlib.contextmanager
    def _locked(self, move: RefMove) -> Iterator[None]:
        if move.old is None:
            self._check_free(move.name)
        own, lock = self._path(move.name, "."), self._path(move.name, lock=True)
        own.parent.mkdir(parents=True, exist_ok=True)
        _write_new(own, f"{move.new}\n".encode())
        try:
            _link(own, lock, move.name)
            try:
                yield
            finally:
                _unlink_if_same(own, lock)
        finally:
            own.unlink(missing_ok=True)

    def _replace(self, name: str) -> None:
        path, lock = self._path(name), self._path(name, lock=True)
        try:
            lock.replace(path)
        except OSError as error:
            if not path.is_dir():
                raise
            _remove_empty_folders(path, error)
            lock.replace(path)

    def _log(self, move: RefMove, head: str) -> None:
        line = f"{move.old or _NONE} {move.new} Trailmark <trailmark@localhost> {int(time.time())} +0000\t"
        data = (line + " ".join(move.reason.split()) + "\n").encode("utf-8", "replace")
        for name in dict.fromkeys([move.name, "HEAD"] if move.name == head else [move.name]):
            path = (self.shared if name.startswith("refs/") else self.own) / "logs" / name
            if not (path.exists() or self.is_logged(name)):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as stream:
                stream.write(data)

    def _check_free(self, name: str) -> None:
        """Raise AlreadyExists when another ref's name is a folder of this one's, or the other way round."""
        for other in self.names():
            if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
                raise AlreadyExists(f"{name} cannot be made while there is {other}.")

    def _path(self, name: str, before: str = "", *, lock: bool = False) -> Path:
        path = (self.shared if name.startswith("refs/") else self.own) / name
        return path.with_name(f"{before}{path.name}.lock") if before or lock else path


def _release(own: Path, lock: Path) -> None:
    _unlink_if_same(own, lock)
    own.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file under a name that only one process uses at a time."""
    path.unlink(missing_ok=True)
    with path.open("xb") as stream:
        stream.write(data)


def _link(own: Path, lock: Path, name: str) -> None:
    """Take the lock. Raises Busy when somebody keeps it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            os.link(own, lock)
            return
        except FileExistsError:
            if time.monotonic() > deadline:
                raise Busy(
                    f"Another git program is changing {name}; nothing was changed. Try again when it is done. "
                    f"If none is running, one was killed: remove {lock}."
                ) from None
            time.sleep(_POLL_SECONDS)


def _unlink_if_same(own: Path, lock: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(own.lstat(), lock.lstat()):
            lock.unlink()


def _remove_empty_folders(path: Path, error: OSError) -> None:
    """Remove a folder without files, as git leaves them where a ref was. Raises AlreadyExists otherwise."""
    for folder, _, files in os.walk(path, topdown=False):
        if files:
            raise AlreadyExists(f"{path.name} cannot be a ref: others stand below that name.") from error
        os.rmdir(folder)
