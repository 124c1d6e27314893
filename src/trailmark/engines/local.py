"""Sessions as processes of this machine, which outlive the client that started them.

A session's folder holds, each written once and durably: engine.json (what was asked), process.json (it was
started), stopping.json (it was asked to end) and ended.json (it ended, how and when). The first and third are
written here, the others by the session's keeper. Whether the keeper lives is told by a file lock that it holds,
which no crash, reused process id or restart of the machine can leave behind.
"""

import contextlib
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trailmark.durable import write_file
from trailmark.engines import keeper
from trailmark.engines.life import is_held, take
from trailmark.engines.marked import end_marked, find_marked, mark
from trailmark.engines.model import SessionSpec, SessionState, check_id
from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.process import spawn, start_mark, terminate

_ASKED = "engine.json"
_STOPPING = "stopping.json"
_LIFE = "keeper.lock"
_LOG = "server.log"
_START_SECONDS = 10.0
_LONGEST_TAIL = 4_000_000


class LocalEngine:
    """Runs sessions on this machine, below `home`/sessions.

    Limits: `cpus` by affinity (Linux), `memory_bytes` for the data of each of its processes. A process that is
    started in a session and shall outlive it removes TRAILMARK_SESSION from its environment.
    """

    name = "local"
    containers = None

    def __init__(self, home: Path, *, grace_seconds: float = 10.0) -> None:
        self._sessions = home / "sessions"
        self._grace = grace_seconds

    def submit(self, spec: SessionSpec) -> None:
        """Start the program under a keeper; the keeper inherits the lock that says that it lives."""
        folder = self._sessions / spec.id
        if _was_taken_on(folder):
            return
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            life = os.open(folder / _LIFE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"The session cannot be kept in {folder} ({error.strerror}).") from error
        try:
            if not take(life) or _was_taken_on(folder):
                return
            write_file(folder / _ASKED, json.dumps(_asked(spec)).encode())
            spawn(
                [sys.executable, "-I", keeper.__file__, str(folder), str(life)],
                log=folder / _LOG,
                env={"PATH": os.defpath},
                input=json.dumps(_order(spec)).encode(),
                keep=[life],
            )
        finally:
            os.close(life)

    def inspect(self, session_id: str) -> SessionState | None:
        """Return how the session is; the end of one that was lost is worked out and written down."""
        folder = self._sessions / check_id(session_id)
        asked = _read(folder / _ASKED)
        if asked is None:
            return None
        ended = _read(folder / keeper.ENDED)
        if ended is None and not _lives(folder) and not find_marked(session_id):
            ended = _read(folder / keeper.ENDED) or _close(folder)
        return _state(asked, _read(folder / keeper.STARTED), ended, stopping=(folder / _STOPPING).exists())

    def stop(self, session_id: str) -> None:
        """Ask the program to end, and after the grace period make it and what it started."""
        state = self.inspect(session_id)
        if state is None or not state.is_live:
            return
        folder = self._sessions / session_id
        write_file(folder / _STOPPING, json.dumps({"asked": time.time()}).encode())
        started = _wait_for(folder, keeper.STARTED, _START_SECONDS)
        if started and _lives(folder):
            pid = int(started["pid"])
            terminate(pid, start_mark(pid) or "", self._grace)
        end_marked(session_id, self._grace if not _lives(folder) else 1.0)
        if _wait_for(folder, keeper.ENDED, _START_SECONDS) is None:
            _close(folder)

    def logs(self, session_id: str, tail: int = 200) -> str:
        """Return the last lines of both streams of the program."""
        folder = self._sessions / check_id(session_id)
        if _read(folder / _ASKED) is None:
            raise NotFound(f"There is no session {session_id} on this machine.")
        try:
            with (folder / _LOG).open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LONGEST_TAIL))
                lines = stream.read().decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-tail:] if tail > 0 else [])

    def list(self, labels: Mapping[str, str] | None = None) -> list[SessionState]:
        """Return the sessions with these labels, the newest first."""
        wanted = dict(labels or {}).items()
        found = [state for state in self._iter_states() if wanted <= dict(state.labels).items()]
        return sorted(found, key=lambda state: (state.started or float("inf"), state.id), reverse=True)

    def forget(self, session_id: str) -> None:
        """Remove the folder of a session that has ended."""
        state = self.inspect(session_id)
        if state is not None and not state.is_live:
            shutil.rmtree(self._sessions / session_id, ignore_errors=True)

    def _iter_states(self) -> Iterator[SessionState]:
        for path in self._sessions.glob(f"*/{_ASKED}"):
            with contextlib.suppress(InvalidInput):
                state = self.inspect(path.parent.name)
                if state:
                    yield state


def _was_taken_on(folder: Path) -> bool:
    return (folder / keeper.STARTED).exists() or (folder / keeper.ENDED).exists()


def _asked(spec: SessionSpec) -> dict[str, object]:
    """Return what is written down of an order: all but the environment, where secrets are."""
    return {
        "id": spec.id,
        "argv": spec.argv,
        "cwd": str(spec.cwd),
        "labels": dict(spec.labels),
        "port": spec.port,
        "submitted": time.time(),
    }


def _order(spec: SessionSpec) -> dict[str, object]:
    return {
        "argv": spec.argv,
        "env": {**spec.env, **mark(spec.id)},
        "cwd": str(spec.cwd),
        "memory_bytes": spec.limits.memory_bytes,
        "cpus": None if spec.limits.cpus is None else math.ceil(spec.limits.cpus),
    }


def _state(
    asked: Mapping[str, Any],
    started: Mapping[str, Any] | None,
    ended: Mapping[str, Any] | None,
    *,
    stopping: bool,
) -> SessionState:
    facts: dict[str, Any] = {"id": asked["id"], "labels": asked["labels"], "port": asked["port"]}
    if started:
        facts["started"] = started["started"]
    if ended is None:
        return SessionState(status="running" if started else "starting", **facts)
    well = ended["code"] == 0 or stopping or ended.get("lost")
    return SessionState(
        status="stopped" if well else "failed",
        ended=ended["ended"],
        exit_code=ended["code"],
        reason=ended.get("reason"),
        **facts,
    )


def _close(folder: Path) -> dict[str, Any] | None:
    """Write the end of a session whose keeper did not live to: it ended with the machine, or was never started."""
    with contextlib.suppress(FileNotFoundError):
        life = os.open(folder / _LIFE, os.O_RDWR | os.O_CLOEXEC)
        try:
            if not take(life):
                return _read(folder / keeper.ENDED)
            ended = _read(folder / keeper.ENDED)
            if ended is None:
                ended = _lost(folder)
                write_file(folder / keeper.ENDED, json.dumps(ended).encode())
            return ended
        finally:
            os.close(life)
    return None


def _lost(folder: Path) -> dict[str, Any]:
    started = _read(folder / keeper.STARTED)
    if started is None:
        asked = _read(folder / _ASKED) or {}
        reason = "The start was interrupted."
        return {"ended": asked.get("submitted", time.time()), "code": None, "reason": reason}
    signs = [float(started["started"])]
    for name in (_LIFE, _LOG):
        with contextlib.suppress(FileNotFoundError):
            signs.append((folder / name).stat().st_mtime)
    reason = "It ended with the machine, or its keeper was killed; the time is that of the last sign of life."
    return {"ended": min(max(signs), time.time()), "code": None, "lost": True, "reason": reason}


def _lives(folder: Path) -> bool:
    """Whether the session's keeper lives (or somebody is just starting it)."""
    return is_held(folder / _LIFE)


def _wait_for(folder: Path, name: str, seconds: float) -> dict[str, Any] | None:
    """Return what a file says once the keeper has written it, None when it will not."""
    deadline = time.monotonic() + seconds
    while True:
        facts = _read(folder / name)
        if facts is not None or not _lives(folder) or time.monotonic() > deadline:
            return facts or _read(folder / name)
        time.sleep(0.02)


def _read(path: Path) -> dict[str, Any] | None:
    """Return a state file's facts, None when there is none (or none that can be read)."""
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None
