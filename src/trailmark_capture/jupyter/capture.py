"""Capture in one Jupyter server: the observer, the journal, and what is known of each kernel."""

import sys
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trailmark_capture.config import Config
from trailmark_capture.files import tracing
from trailmark_capture.files.inotify import Watcher
from trailmark_capture.jupyter.actions import Accesses
from trailmark_capture.jupyter.environ import for_person
from trailmark_capture.jupyter.filelog import FileLog
from trailmark_capture.jupyter.follower import Follower
from trailmark_capture.jupyter.labs import Labs
from trailmark_capture.jupyter.notebooks import Notebooks, find_started_for
from trailmark_capture.jupyter.observer import Address, Observer, Watch
from trailmark_capture.jupyter.recording import Recording
from trailmark_capture.jupyter.requests import Requests
from trailmark_capture.jupyter.screens import Screens
from trailmark_capture.redact import Redactor
from trailmark_capture.shell.spool import SpoolReader

_DRAIN_EVERY = 0.2


@dataclass(frozen=True)
class Process:
    """A running kernel: where it publishes, and the lock digest of the environment that it runs in.

    `begun` is a moment at which the process before it was gone and it was not yet there.
    """

    address: Address
    begun: float
    environment: str | None


@dataclass
class Kernel:
    """What capture knows of a kernel; it is what the kernel's follower asks."""

    id: str
    capture: "Capture"
    language: str
    files_log: FileLog
    process: Process
    watch: Watch | None = field(default=None, repr=False)

    def facts(self) -> Mapping[str, Any]:
        """Return the fields that all entries of this kernel share."""
        config = self.capture.config
        return {
            "tool": config.tool,
            "session": config.session,
            "engine": config.engine,
            "environment": self.process.environment or config.environment,
            "actor": config.actor,
            "language": self.language,
            "files_log": str(self.files_log.path),
            "files_by": self.files_log.by,
            "pid": self.process.address.pid,
        }

    def notebook(self, cell: str | None) -> str | None:
        """Return the path of the notebook that the kernel belongs to now; of several, the one with the cell."""
        paths = self.capture.notebooks.of(self.id)
        if cell and len(paths) > 1:
            paths = [path for path in paths if _has_cell(self.capture.config.project / path, cell)] or paths
        return next(iter(paths), None)

    def files(self, since: float, until: float) -> Accesses:
        """Return the files that the kernel and its children touched in a span of time."""
        return self.files_log.files(since, until)

    def changed_between(self, since: float, until: float) -> Accesses:
        """Return the files written or deleted in a span of time by nobody's cell."""
        return self.files_log.changed(since, until)

    def left(self, since: float, until: float) -> Accesses:
        """Return the files that the kernel's threads and programs wrote, deleted or closed while no cell ran."""
        return self.files_log.left(since, until)

    def forget_files(self, before: float) -> None:
        """Forget the files that were touched before a moment."""
        self.files_log.forget(before)

    def save_expected(self, session: str) -> bool:
        """Return whether a client session saves the notebook after each cell: a page that has our extension."""
        return self.capture.labs.present > 0 and self.capture.requests.is_of_page(session)


class Capture:
    """The capture of one server. Made once, before the server; closed when the server ends."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.requests = Requests()
        self.notebooks = Notebooks()
        self.labs = Labs()
        self.redactor = Redactor(path=config.secrets)
        self.recording = Recording(config, self.redactor)
        self.screens = Screens(config.max_output_bytes)
        self._spools = SpoolReader(config, self.recording.append, self.screens.outputs)
        self._drained = 0.0
        self.observer = Observer(each_turn=self._turn)
        self._kernels: dict[str, Kernel] = {}
        self._watcher: Watcher | None = None

    def start(self) -> None:
        """Start observing."""
        self.observer.start()
        if self.config.shim is None:
            watcher = Watcher(self.config.project)
            self._watcher = watcher if watcher.start() else None

    def close(self) -> None:
        """End what is open and give the journal up."""
        self.observer.close()
        self._spools.drain()
        self.recording.close()
        if self._watcher is not None:
            self._watcher.close()

    def _turn(self, now: float) -> None:
        self.recording.flush()
        self.recording.tick(now)
        if abs(now - self._drained) >= _DRAIN_EVERY:
            self._drained = now
            self._spools.drain()

    def kernel_environment(self, kernel_id: str, environ: Mapping[str, str], python: Path) -> dict[str, str]:
        """Return the variables for a kernel: the person's environment active, the file shim put in."""
        self.notebooks.seed(kernel_id, find_started_for(environ, self.config.project))
        prepared = for_person(environ, python, Path(sys.prefix))
        # IPython writes its history at each cell: noting that would cost more than many a cell itself.
        history = prepared.get("IPYTHONDIR") or str(Path.home() / ".ipython")
        config = replace(self.config, exclude=(*self.config.exclude, history))
        traced = tracing(config, self._log_of(kernel_id), prepared)
        return {**prepared, **traced.environment}

    def _log_of(self, kernel_id: str) -> Path:
        self.config.files.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.config.files / f"{kernel_id}.log"

    def started(self, kernel_id: str, process: Process, language: str) -> "Future[None]":
        """Observe a kernel that has just been started."""
        path = self._log_of(kernel_id)
        files = FileLog(path, self.config, language, self._watcher, lambda: self.notebooks.of(kernel_id))
        kernel = Kernel(kernel_id, self, language, files, process)
        follower = Follower(
            kernel,
            self.requests,
            self.recording.hold,
            max_output_bytes=self.config.max_output_bytes,
            unanswered=lambda before: self.requests.take_unanswered(kernel_id, before),
        )
        kernel.watch = Watch(process.address, follower)
        self._kernels[kernel_id] = kernel
        return self.observer.attach(kernel.watch)

    def restarted(self, kernel_id: str, process: Process, *, crashed: bool) -> "Future[None] | None":
        """End what the old process was doing, observe the new one, and write down that it is new."""
        kernel = self._kernels.get(kernel_id)
        if kernel is None or kernel.watch is None:
            return None
        future = self.observer.replaced(kernel.watch, process.address, process.begun)
        future.add_done_callback(lambda _: setattr(kernel, "process", process))
        text = "The kernel died and was started again" if crashed else "The kernel was restarted"
        return self.observer.tell(kernel.watch, lambda follower: follower.note(text, time.time()))

    def stopped(self, kernel_id: str) -> "Future[None] | None":
        """End what a kernel was doing, and observe it no longer."""
        kernel = self._kernels.pop(kernel_id, None)
        if kernel is None or kernel.watch is None:
            return None
        future = self.observer.stopped(kernel.watch)
        future.add_done_callback(lambda _: kernel.files_log.close())
        return future

    def interrupted(self, kernel_id: str) -> None:
        """Note that somebody interrupted a kernel."""
        watch = self.watch_of(kernel_id)
        if watch is not None:
            self.observer.tell(watch, Follower.interrupt)

    def watch_of(self, kernel_id: str) -> Watch | None:
        """Return how a kernel is observed, or None when it is not."""
        kernel = self._kernels.get(kernel_id)
        return kernel.watch if kernel is not None else None


def _has_cell(notebook: Path, cell: str) -> bool:
    try:
        return f'"{cell}"' in notebook.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


_current: list[Capture] = []


def begin(config: Config) -> Capture:
    """Make and start the capture of this process."""
    capture = Capture(config)
    capture.start()
    _current[:] = [capture]
    return capture


def current() -> Capture:
    """Return the capture of this process. Raises LookupError when there is none."""
    if not _current:
        raise LookupError("Capture has not been started in this process.")
    return _current[0]
