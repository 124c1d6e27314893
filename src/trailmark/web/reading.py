"""Reading a long trail into its index for the first time, while pages show the newest records from a small one."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from trailmark.activity.index import Index
from trailmark.activity.index.database import discard
from trailmark.errors import TrailmarkError
from trailmark.git import Repository
from trailmark.projects.project import Project

log = logging.getLogger("trailmark.web")

NEWEST = 1000
NOTICE = (
    "This trail is read in for the first time. Its newest records are shown and searched already; "
    "the older ones follow below by themselves in a moment."
)


class Reading:
    """The trails that are being read in, each by one thread. A trail is long from `newest` records on."""

    def __init__(self, newest: int = NEWEST) -> None:
        self.newest = newest
        self._threads: dict[Path, threading.Thread] = {}
        self._lock = threading.Lock()

    def begin(self, project: Project) -> None:
        """Read a project's trail in, unless that is being done; returns at once."""
        with self._lock:
            running = self._threads.get(project.path)
            if running is None or not running.is_alive():
                self._threads[project.path] = threading.Thread(
                    target=_read_in,
                    args=(project.path, index_of(project), window_of(project)),
                    name=f"read in {project.name}",
                    daemon=True,
                )
                self._threads[project.path].start()

    def wait(self) -> None:
        """Return once every trail is read in."""
        for thread in list(self._threads.values()):
            thread.join()


def index_of(project: Project) -> Path:
    """Return where the index of the whole trail lies."""
    return project.state / "index.sqlite"


def window_of(project: Project) -> Path:
    """Return where the index of the newest records lies while the other one is far behind."""
    return project.state / "newest.sqlite"


def _read_in(path: Path, whole: Path, window: Path) -> None:
    """Bring the whole index up to date; the small one is then of no more use."""
    try:
        with Index.open(whole) as index:
            index.refresh(Repository.open(path))
        discard(window)
    except (OSError, TrailmarkError) as error:
        log.warning("The trail of %s could not be read in; the next page tries again. %s", path.name, error)
