"""What an engine is asked to run and what it tells: one contract for a laptop and for a cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from trailmark.errors import InvalidInput

if TYPE_CHECKING:
    from trailmark.engines.docker import DockerEngine

Status = Literal["starting", "running", "stopped", "failed"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Limits:
    """What a session may use; None is without limit. An engine documents which of them it can hold it to."""

    memory_bytes: int | None = None
    cpus: float | None = None
    shared_memory_bytes: int | None = None
    gpu: bool = False


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine that a session sees at `target`; without a source, an empty folder there."""

    source: Path | None
    target: Path
    read_only: bool = False

    def __post_init__(self) -> None:
        for path in (self.source, self.target):
            if path is not None and (not path.is_absolute() or ".." in path.parts or "\0" in str(path)):
                raise InvalidInput(f"“{path}” cannot be mounted: it is not a whole path.")


@dataclass(frozen=True)
class SessionSpec:
    """A program to run under a name of its own.

    `env` is the whole environment (an image's own variables come before it); values in it are never written to
    disk or to a log. The labels say what the session is for (project, tool, lock, commit) and find it again.
    `port` is where the program will listen, and answers on this machine alone. `image` and `mounts` are what the
    program sees; an engine that runs programs of this machine, which see everything, has no use for them.
    """

    id: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    port: int | None = None
    image: str | None = None
    mounts: tuple[Mount, ...] = ()

    def __post_init__(self) -> None:
        check_id(self.id)
        if not self.argv or any("\0" in word for word in self.argv):
            raise InvalidInput("A session needs a program to run, without null characters.")


@dataclass(frozen=True)
class SessionState:
    """How a session is. Times are seconds since 1970, by the engine's clock.

    It is starting until its program has been started, stopped when it ended well, was asked to end or went with
    the machine, and failed when it could not start or ended badly; `reason` then says why, if that is known. It
    is silent when its engine does not answer: nobody knows whether it runs.
    """

    id: str
    status: Status
    labels: Mapping[str, str]
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    port: int | None = None
    reason: str | None = None
    is_silent: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it runs or is about to."""
        return self.status in ("starting", "running")


class Engine(Protocol):
    """A place where sessions run. Every call may be repeated, and from any process."""

    @property
    def name(self) -> str:
        """What a person calls it; it stands in every record of what ran there."""

    @property
    def containers(self) -> DockerEngine | None:
        """The engine itself if its sessions run in images, which it also builds; None if they run on this machine.

        Raises Unavailable where it does not answer.
        """

    def submit(self, spec: SessionSpec) -> None:
        """Have the program run; a session that was submitted before, whatever became of it, is left alone.

        Returns once the engine has taken it on, which is before it runs. A program that cannot be started shows
        as failed.
        """

    def inspect(self, session_id: str) -> SessionState | None:
        """Return how the session is, None when the engine has never heard of it."""

    def stop(self, session_id: str) -> None:
        """End the session's program and all that it started; returns when they are gone.

        Ended and unknown sessions are left alone.
        """

    def logs(self, session_id: str, tail: int = 200) -> str:
        """Return the last lines of what the program said. Raises NotFound for an unknown session."""

    def list(self, labels: Mapping[str, str] | None = None) -> list[SessionState]:
        """Return the sessions that carry all these labels, live or ended, the newest first."""

    def forget(self, session_id: str) -> None:
        """Remove what the engine keeps of a session that has ended; a live or unknown one is left alone."""


def check_id(session_id: str) -> str:
    """Return a session's id. Raises InvalidInput for one that could not name a folder."""
    if not _ID.fullmatch(session_id):
        raise InvalidInput(f"“{session_id}” cannot be the id of a session.")
    return session_id
