"""The lock of one project: at most one process writes its trail at a time, and a dead one holds nothing."""

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType

from trailmark.errors import Busy

_POLL_SECONDS = 0.01


class ProjectLock:
    """An exclusive `flock`, re-entrant for the thread that holds it; freed when the process dies."""

    def __init__(self, path: Path, *, timeout: float = 60.0) -> None:
        self._path = path
        self._timeout = timeout
        self._thread = threading.RLock()
        self._depth = 0
        self._fd = -1

    def __enter__(self) -> "ProjectLock":
        deadline = time.monotonic() + self._timeout
        if not self._thread.acquire(timeout=self._timeout):
            raise self._busy()
        if self._depth == 0:
            try:
                self._fd = self._acquire(deadline)
            except BaseException:
                self._thread.release()
                raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._fd)
            self._fd = -1
        self._thread.release()

    def _acquire(self, deadline: float) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(fd)
                    raise self._busy() from None
                time.sleep(_POLL_SECONDS)
            except BaseException:
                os.close(fd)
                raise

    def _busy(self) -> Busy:
        return Busy(
            f"Another Trailmark process has been writing to this project for {self._timeout:.0f} seconds. "
            "Nothing was changed. Wait a moment and try again; `trailmark status` shows what is running."
        )
