"""The logs of what was done for an environment: written as it happens, kept when it is over, also when it failed.

They lie in the project's state, never in the project. A log is being written while its file is locked: a program
that was killed leaves one that is not, and it counts as cut short.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TextIO

from trailmark.durable import write_file
from trailmark.errors import Cancelled, CommandFailed, NotFound, TrailmarkError
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.projects.secrets import secrets_path
from trailmark_capture.journal import new_id
from trailmark_capture.redact import Redactor

Outcome = Literal["working", "done", "failed", "stopped", "cut short"]
_FOLDER = "build-logs"
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_MOST = 40
_LONGEST = 20_000_000
_COMPARED = 1000


@dataclass(frozen=True)
class BuildLog:
    """What is known of one piece of work. `ended` and `error` are None for none."""

    id: str
    title: str
    engine: str
    started: float
    ended: float | None = None
    outcome: Outcome = "working"
    error: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it goes on and when nobody knows."""
        return None if self.ended is None else self.ended - self.started


class _Kept:
    """Hands on what work says, and writes it down. Fulfils `Progress`."""

    def __init__(self, inner: Progress, stream: TextIO, redactor: Redactor) -> None:
        self._inner = inner
        self._stream = stream
        self._redactor = redactor
        self._stage = ""
        self._newest: deque[str] = deque(maxlen=_COMPARED)

    def step(self, message: str, fraction: float | None = None) -> None:
        """Write down a new stage."""
        if message != self._stage:
            self._stage = message
            self.write(message)
        self._inner.step(message, fraction)

    def log(self, line: str) -> None:
        """Write down a line."""
        self.write(line)
        self._inner.log(line)

    def write(self, text: str) -> None:
        """Add lines to the log; a disk that refuses them does not end the work."""
        clean = self._redactor.text(text.rstrip())
        self._newest.extend(clean.splitlines())
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{clean}\n")
            self._stream.flush()

    def write_new(self, text: str) -> None:
        """Add the lines that were not among the last ones: what failed often repeats the end of its log."""
        known = {line.strip() for line in self._newest}
        lines = (line for line in self._redactor.text(text).splitlines() if line.strip() not in known)
        if rest := "\n".join(lines).strip():
            self.write(rest)

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self._inner.cancelled


@contextmanager
def keeping_log(
    project: Project,
    title: str,
    progress: Progress,
    *,
    engine: str = "local",
    clock: Callable[[], float] = time.time,
) -> Iterator[Progress]:
    """Give what work for the environment tells its progress to, so that its log is kept, however it ends."""
    folder = project.state / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = BuildLog(new_id(), title, engine, clock())
    path = folder / f"{log.id}.log"
    with path.open("x", encoding="utf-8", errors="replace") as stream:
        path.chmod(0o600)
        fcntl.flock(stream, fcntl.LOCK_EX)
        _keep(folder, log)
        _forget_old(folder)
        kept = _Kept(progress, stream, Redactor(path=secrets_path(project)))
        outcome: Outcome = "failed"
        error: str | None = None
        try:
            yield kept
            outcome = "done"
        except Cancelled:
            outcome = "stopped"
            raise
        except TrailmarkError as failure:
            error = str(failure)
            if isinstance(failure, CommandFailed) and failure.output:
                kept.write_new(failure.output)
            outcome = "stopped" if progress.cancelled else "failed"
            raise
        finally:
            if error:
                error = Redactor(path=secrets_path(project)).text(error)
                kept.write_new(error)
            _keep(folder, replace(log, ended=clock(), outcome=outcome, error=error))


def list_logs(project: Project) -> list[BuildLog]:
    """Return what is kept, the newest first."""
    folder = project.state / _FOLDER
    found = (_read(folder, path.stem) for path in folder.glob("*.json"))
    return sorted(filter(None, found), key=lambda log: log.id, reverse=True)


def read_log(project: Project, log_id: str) -> tuple[BuildLog, str]:
    """Return one piece of work with its log. Raises NotFound."""
    folder = project.state / _FOLDER
    found = _read(folder, log_id) if _ID.fullmatch(log_id) else None
    if found is None:
        raise NotFound(f"There is no such log any more. The newest {_MOST} are kept.")
    try:
        with (folder / f"{log_id}.log").open("rb") as stream:
            return found, stream.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return found, ""


def _read(folder: Path, log_id: str) -> BuildLog | None:
    try:
        log = BuildLog(**json.loads((folder / f"{log_id}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    is_over = log.outcome != "working" or _is_being_written(folder / f"{log_id}.log")
    return log if is_over else replace(log, outcome="cut short")


def _is_being_written(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _keep(folder: Path, log: BuildLog) -> None:
    with contextlib.suppress(OSError):
        write_file(folder / f"{log.id}.json", json.dumps(asdict(log)).encode())


def _forget_old(folder: Path) -> None:
    for path in sorted(folder.glob("*.json"), reverse=True)[_MOST:]:
        path.unlink(missing_ok=True)
        path.with_suffix(".log").unlink(missing_ok=True)
