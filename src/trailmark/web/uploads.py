"""Uploads in pieces: each piece says where it begins, so that an upload goes on after an interruption.

What has arrived lies in the project's state folder, outside the project, until the whole file is there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from trailmark.errors import InvalidInput, NotFound, Unavailable

PIECE_BYTES = 8 * 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}")
_KEPT_SECONDS = 7 * 24 * 3600.0


class OutOfStep(InvalidInput):
    """A piece does not begin where the upload stands; `offset` says where that is."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload stands at byte {offset}; send the piece that begins there.")
        self.offset = offset


@dataclass(frozen=True)
class Upload:
    """A file on its way: where it will lie, how large it is, and how much of it has arrived."""

    id: str
    path: str
    size: int
    offset: int

    @property
    def is_whole(self) -> bool:
        """Whether everything has arrived."""
        return self.offset == self.size


@dataclass(frozen=True)
class _Facts:
    path: str
    size: int
    stamp: str


class Uploads:
    """The uploads of one project."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "uploads"

    def begin(self, path: str, size: int, stamp: str = "") -> Upload:
        """Begin an upload, or go on with the same one: same path, size and `stamp` (the file's own time)."""
        if size < 0:
            raise InvalidInput("A file cannot be smaller than nothing. Nothing was uploaded.")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_old()
        if size > shutil.disk_usage(self._folder).free:
            raise Unavailable(f"There is not enough space on the disk for {path} ({size:,} bytes).")
        facts = _Facts(path, size, stamp)
        upload_id = hashlib.sha256(json.dumps(asdict(facts)).encode()).hexdigest()[:32]
        (self._folder / f"{upload_id}.json").write_text(json.dumps(asdict(facts)), encoding="utf-8")
        self.file_of(upload_id).touch(mode=0o600)
        return self.get(upload_id)

    def get(self, upload_id: str) -> Upload:
        """Return how an upload stands. Raises NotFound."""
        try:
            if not _ID.fullmatch(upload_id):
                raise FileNotFoundError(upload_id)
            text = (self._folder / f"{upload_id}.json").read_text(encoding="utf-8")
            facts = _Facts(**json.loads(text))
            return Upload(upload_id, facts.path, facts.size, self.file_of(upload_id).stat().st_size)
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise NotFound("There is no such upload any more. Choose the file again.") from error

    def add(self, upload_id: str, offset: int, piece: bytes) -> Upload:
        """Append a piece that begins at `offset`. Raises OutOfStep when it does not follow what is there."""
        upload = self.get(upload_id)
        fd = os.open(self.file_of(upload_id), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            there = os.fstat(fd).st_size
            if offset != there:
                raise OutOfStep(there)
            if there + len(piece) > upload.size:
                raise InvalidInput(f"{upload.path} is larger than it was said to be. Choose the file again.")
            _append(fd, piece, there, upload.path)
        finally:
            os.close(fd)
        return self.get(upload_id)

    def file_of(self, upload_id: str) -> Path:
        """Return where the bytes of an upload lie."""
        return self._folder / f"{upload_id}.part"

    def forget(self, upload_id: str) -> None:
        """Remove an upload that was taken over or given up."""
        for name in (f"{upload_id}.part", f"{upload_id}.json"):
            (self._folder / name).unlink(missing_ok=True)

    def _forget_old(self) -> None:
        horizon = time.time() - _KEPT_SECONDS
        for path in self._folder.iterdir():
            if path.stat().st_mtime < horizon:
                path.unlink(missing_ok=True)


def _append(fd: int, piece: bytes, start: int, path: str) -> None:
    left = memoryview(piece)
    try:
        while left:
            left = left[os.write(fd, left) :]
    except OSError as error:
        os.ftruncate(fd, start)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(
                f"The disk is full. {path} was not uploaded; what had arrived is kept. Free some space and "
                "choose the file again: it goes on from there."
            ) from error
        raise
