"""Find the processes of a session wherever they have got to, by a mark in their environment."""

import contextlib
import time
from collections.abc import Iterator

import psutil

VARIABLE = "TRAILMARK_SESSION"
_KILL_SECONDS = 5.0


def mark(session_id: str) -> dict[str, str]:
    """Return the environment variable that a session's program, and with it all that it starts, carries."""
    return {VARIABLE: session_id}


def find_marked(session_id: str) -> list[psutil.Process]:
    """Return the live processes that carry the session's mark."""
    return list(_iter_marked(session_id))


def end_marked(session_id: str, grace: float) -> None:
    """Ask what still runs of a session to end, and kill the rest after `grace` seconds."""
    for process in find_marked(session_id):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    deadline = time.monotonic() + grace
    while find_marked(session_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    deadline = time.monotonic() + _KILL_SECONDS
    while (left := find_marked(session_id)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def _iter_marked(session_id: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE) == session_id and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (psutil.Error, OSError):
            continue
