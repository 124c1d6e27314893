"""The digests of files that a program reads and then overwrites, taken in between.

Standard library only, Python 3.8 or later.
"""

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from trailmark_capture.files.interest import Interest
from trailmark_capture.files.log import WRITES, Access, Entry, accesses

_TURN_SECONDS = 0.05
_MOST_BYTES = 64 * 1024 * 1024
_MOST_IN_ALL = 512 * 1024 * 1024


class _Digest(NamedTuple):
    sha256: str
    bytes: int
    mtime: float
    known_at: float


class Inputs:
    """Follows a log of accesses while a program runs, and hashes the project's files when they are first read."""

    def __init__(self, log: Path, project: Path) -> None:
        self._log = log
        self._interest = Interest(project)
        self._offset = 0
        self._written: Dict[str, float] = {}
        self._digests: Dict[str, Optional[_Digest]] = {}
        self._budget = _MOST_IN_ALL
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="inputs", daemon=True)

    def start(self) -> None:
        """Begin to follow the log."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._is_over.set()
        self._thread.join()

    def add_digests(self, reads: Sequence[Entry], found: Sequence[Access]) -> List[Entry]:
        """Return entries for files that were read, with a digest where a file was hashed before it was changed."""
        for access in found:
            self._note_write(access)
        return [self._with_digest(entry) for entry in reads]

    def _with_digest(self, entry: Entry) -> Entry:
        path = "{}/{}".format(self._interest.root, entry["path"])
        digest, written = self._digests.get(path), self._written.get(path)
        if entry["external"] or digest is None or written is None or written <= digest.known_at:
            return entry
        return dict(entry, digest=digest.sha256, bytes=digest.bytes, mtime=digest.mtime)

    def _note_write(self, access: Access) -> None:
        if access.op in WRITES:
            for path in filter(None, (access.path, access.to)):
                self._written[path] = min(access.time, self._written.get(path, access.time))

    def _follow(self) -> None:
        while not self._is_over.wait(_TURN_SECONDS):
            found, self._offset = accesses(self._log, self._offset, 0, float("inf"))
            for access in found:
                self._note_write(access)
            for access in found:
                if access.op == "r" and not self._is_over.is_set():
                    self._hash(access)

    def _hash(self, access: Access) -> None:
        path = access.path
        if path in self._digests or path in self._written or self._interest.relative(path) is None:
            return
        self._digests[path] = digest = _digest_of(path, min(_MOST_BYTES, self._budget), access.time)
        self._budget -= digest.bytes if digest is not None else 0


def _digest_of(path: str, most: int, read_at: float) -> Optional[_Digest]:
    """Return the digest of a file as it was when it was read; None when it is too large or has changed since."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size > most or before.st_ctime >= read_at:
                return None
            for piece in iter(lambda: stream.read(1 << 20), b""):
                digest.update(piece)
            after = os.fstat(stream.fileno())
    except OSError:
        return None
    is_same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return _Digest(digest.hexdigest(), after.st_size, after.st_mtime, time.time()) if is_same else None
