"""Background jobs: work that takes more than a moment, with progress, a log, and a way to stop it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from trailmark.errors import Cancelled, CommandFailed, NotFound, TrailmarkError
from trailmark.progress import Progress
from trailmark_capture.journal import new_id

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Work = Callable[[Progress], "str | None"]

MOST_AT_ONCE = 4
KEPT_SECONDS = 3600.0
_LOG_LINES = 2000
_KEPT_JOBS = 50
_TELL_SECONDS = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A job as it stood at one moment. `link` leads to what it made; times are seconds since the epoch.

    `topic` names the page that shows it besides the tray.
    """

    id: str
    title: str
    project: str | None
    topic: str | None
    state: State
    message: str
    fraction: float | None
    started: float
    ended: float | None
    error: str | None
    link: str | None
    log: tuple[str, ...]
    stopping: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the job still waits or works."""
        return self.state in ("waiting", "running")

    @property
    def percent(self) -> int | None:
        """How much is done, None when that is not known."""
        return None if self.fraction is None else round(100 * min(1.0, max(0.0, self.fraction)))


@dataclass
class _Running:
    """A job's own ear: what the work tells it, guarded by one lock. Fulfils `Progress`."""

    id: str
    title: str
    project: str | None
    topic: str | None
    changed: Callable[[], None]
    state: State = "waiting"
    message: str = "Waiting for another job to finish"
    fraction: float | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    error: str | None = None
    link: str | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    told: float = 0.0

    def step(self, message: str, fraction: float | None = None) -> None:
        """Take over a new stage."""
        with self.lock:
            if message != self.message:
                self.lines.append(message)
            self.message, self.fraction = message, fraction
        self._tell()

    def log(self, line: str) -> None:
        """Keep a line of details."""
        with self.lock:
            self.lines.append(line.rstrip("\n"))
        self._tell()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self.stop.is_set()

    def become(self, state: State, message: str, error: str | None = None, link: str | None = None) -> None:
        """Change the state, and tell at once."""
        with self.lock:
            self.state, self.message, self.error, self.link = state, message, error, link
            if state not in ("waiting", "running"):
                self.ended = time.time()
                self.fraction = None
                self.over.set()
        self.changed()

    def snapshot(self) -> Job:
        """Return the job as it stands."""
        with self.lock:
            return Job(
                id=self.id,
                title=self.title,
                project=self.project,
                topic=self.topic,
                state=self.state,
                message=self.message,
                fraction=self.fraction,
                started=self.started,
                ended=self.ended,
                error=self.error,
                link=self.link,
                log=tuple(self.lines),
                stopping=self.stop.is_set(),
            )

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self.told >= _TELL_SECONDS:
            self.told = now
            self.changed()


class Jobs:
    """All jobs of this client. `changed` is called, from any thread, whenever one of them has news."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._jobs: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)

    def start(self, title: str, work: Work, *, project: str | None = None, topic: str | None = None) -> Job:
        """Begin `work` in a thread of its own; what it returns is the address of its result."""
        running = _Running(new_id(), title, project, topic, self._changed)
        with self._lock:
            self._forget_old()
            self._jobs[running.id] = running
        threading.Thread(target=self._run, args=(running, work), name=f"job {title}", daemon=True).start()
        self._changed()
        return running.snapshot()

    def find(self, project: str, topic: str) -> Job | None:
        """Return the newest job of a project on a topic, None when there is none."""
        return next((job for job in self.all(project) if job.topic == topic), None)

    def all(self, project: str | None = None) -> list[Job]:
        """Return the jobs, newest first; with `project`, only that one's."""
        with self._lock:
            found = [job.snapshot() for job in self._jobs.values()]
        return sorted(
            (job for job in found if project is None or job.project == project),
            key=lambda job: job.id,
            reverse=True,
        )

    def get(self, job_id: str) -> Job:
        """Return one job. Raises NotFound."""
        return self._find(job_id).snapshot()

    def wait(self, job_id: str, seconds: float) -> Job:
        """Return a job once it is over, or as it stands after so long. Raises NotFound."""
        running = self._find(job_id)
        running.over.wait(seconds)
        return running.snapshot()

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop at its next safe point. Raises NotFound."""
        running = self._find(job_id)
        running.stop.set()
        self._changed()
        return running.snapshot()

    def dismiss(self, job_id: str) -> None:
        """Forget a job that is over. Raises NotFound."""
        running = self._find(job_id)
        if not running.snapshot().is_open:
            with self._lock:
                self._jobs.pop(job_id, None)
            self._changed()

    def close(self, timeout: float = 5.0) -> None:
        """Ask all jobs to stop, and wait a little for them."""
        deadline = time.monotonic() + timeout
        waiting = [job for job in self.all() if job.is_open]
        for job in waiting:
            self.cancel(job.id)
        for job in waiting:
            self.wait(job.id, max(0.0, deadline - time.monotonic()))

    def _find(self, job_id: str) -> _Running:
        with self._lock:
            found = self._jobs.get(job_id)
        if found is None:
            raise NotFound("There is no such job any more. Finished jobs are kept for an hour.")
        return found

    def _run(self, running: _Running, work: Work) -> None:
        with self._slots:
            if running.cancelled:
                running.become("cancelled", "Stopped before it began")
                return
            running.become("running", "Starting")
            try:
                link = work(running)
            except Cancelled:
                running.become("cancelled", "Stopped; nothing was changed")
            except TrailmarkError as error:
                self._failed(running, error)
            except Exception:
                _log.exception("the job %s failed unexpectedly", running.title)
                running.become("failed", "Failed", error=_UNEXPECTED)
            else:
                running.become("done", "Done", link=link)

    def _failed(self, running: _Running, error: TrailmarkError) -> None:
        if running.cancelled:
            running.become("cancelled", "Stopped; nothing was changed")
            return
        if isinstance(error, CommandFailed) and error.output:
            for line in error.output.splitlines():
                running.log(line)
        running.become("failed", "Failed", error=str(error))

    def _forget_old(self) -> None:
        over = sorted(
            (job for job in self._jobs.values() if job.ended is not None), key=lambda job: job.ended or 0.0
        )
        horizon = time.time() - KEPT_SECONDS
        for number, job in enumerate(reversed(over)):
            if number >= _KEPT_JOBS or (job.ended or 0.0) < horizon:
                del self._jobs[job.id]


_UNEXPECTED = (
    "Something went wrong inside Trailmark. What was recorded before is intact. "
    "The details are in log/client.log in the Trailmark home; please report them."
)
