"""Sessions as containers of Docker or podman, which outlive the client that started them.

A session is one container with the session's id in its name and labels. The engine keeps how it is and when it
began and ended; only that it was asked to end is written down here. The program's environment goes to it through
its standard input, for the engine would write it to disk and show it to whoever may ask.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trailmark.durable import write_file
from trailmark.engines.confined import confinement
from trailmark.engines.daemon import Daemon
from trailmark.engines.given import AWAITING, NO_PROGRAM, NO_PROGRAM_SIGN, give
from trailmark.engines.images import Images
from trailmark.engines.life import holding, is_held
from trailmark.engines.model import SessionSpec, SessionState, check_id
from trailmark.errors import CommandFailed, InvalidInput, NotFound, Unavailable

_STOPPING = "stopping.json"
_EMPTY = "empty"
_TAKEN_ON = "container.json"
_STARTING = "starting.lock"
_SESSION = "trailmark.session"
_HOME = "trailmark.home"
_PORT = "trailmark.port"
_LABEL = "trailmark.label."
_START_SECONDS = 60.0
_CONFLICT = 409
_NO_GPU = re.compile(r"device driver|nvidia|gpu|\bcdi\b", re.IGNORECASE)
_FRACTION = re.compile(r"\.\d+")


class DockerEngine:
    """Runs sessions as containers. `home` is the Trailmark home: each one sees its own sessions only.

    All limits hold. A container sees what is mounted and nothing else of this machine, as the person's own user
    without any privilege; its image cannot be written to, but for /tmp.
    """

    def __init__(self, home: Path, daemon: Daemon, *, grace_seconds: float = 10.0) -> None:
        self._sessions = home / "sessions"
        self._home = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
        self._daemon = daemon
        self._grace = grace_seconds
        self._errors = importlib.import_module("docker.errors")
        self.images = Images(daemon)

    @property
    def name(self) -> str:
        """Docker or podman."""
        return self._daemon.kind

    @property
    def containers(self) -> DockerEngine:
        """Itself: its sessions run in images."""
        return self

    @property
    def daemon(self) -> Daemon:
        """The engine that is spoken to."""
        return self._daemon

    @property
    def listen_address(self) -> str:
        """The address at which a program must listen so that its published port leads to it."""
        return "0.0.0.0" if self._daemon.network == "bridge" else "127.0.0.1"

    def submit(self, spec: SessionSpec) -> None:
        """Create the container, then start it with its environment on its standard input."""
        if spec.image is None:
            raise InvalidInput(f"A session on {self.name} needs an image to run in.")
        for mount in spec.mounts:
            if mount.source is not None and not mount.source.exists():
                raise NotFound(
                    f"{mount.source} is not there, so the session cannot see it. Nothing was started."
                )
        with holding(self._sessions / check_id(spec.id) / _STARTING) as is_ours:
            if is_ours:
                with self._telling_of_gpus(spec):
                    self._submit(spec)

    @contextlib.contextmanager
    def _telling_of_gpus(self, spec: SessionSpec) -> Iterator[None]:
        try:
            yield
        except CommandFailed as error:
            if not spec.limits.gpu or not _NO_GPU.search(error.output):
                raise
            raise Unavailable(
                f"The project asks for a GPU, and {self.name} on this machine offers none: nothing was started. "
                "Install NVIDIA's container toolkit, or work without a GPU: trailmark env resources --no-gpu"
            ) from error

    def _submit(self, spec: SessionSpec) -> None:
        facts = self._find(spec.id)
        if facts is not None and not _is_unstarted(facts):
            return
        with self._daemon.telling("start the session"):
            if facts is not None:
                self._daemon.api.remove_container(facts["Id"], force=True, v=True)
            try:
                made = self._create(spec)
            except self._errors.NotFound as error:
                raise NotFound(
                    f"The image {spec.image} is not on this machine. Build the environment: trailmark env build."
                ) from error
            except self._errors.APIError as error:
                if error.status_code == _CONFLICT and self._find(spec.id) is not None:
                    return
                raise
            self._start(made, spec.env)

    def inspect(self, session_id: str) -> SessionState | None:
        """Return how the session is, by the engine's own word."""
        facts = self._find(session_id)
        return None if facts is None else self._state(facts)

    def stop(self, session_id: str) -> None:
        """Ask the program to end, and after the grace period make it; the engine ends all that it started."""
        state = self.inspect(session_id)
        if state is None or not state.is_live:
            return
        folder = self._sessions / session_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(folder / _STOPPING, json.dumps({"asked": time.time()}).encode())
        deadline = time.monotonic() + _START_SECONDS
        while state and state.status == "starting" and time.monotonic() < deadline:
            time.sleep(0.05)
            state = self.inspect(session_id)
        with self._daemon.telling("stop the session"), contextlib.suppress(self._errors.NotFound):
            self._daemon.api.stop(self._name(session_id), timeout=max(1, round(self._grace)))

    def logs(self, session_id: str, tail: int = 200) -> str:
        """Return the last lines of both streams of the program."""
        if self._find(session_id) is None:
            raise NotFound(f"There is no session {session_id} on this machine.")
        return "\n".join(self._words(session_id, tail)) if tail > 0 else ""

    def follow(self, session_id: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the program says, to its output and to its errors, from its beginning to its end."""
        with self._daemon.telling("give the session's log"):
            said = self._daemon.api.attach(
                self._name(session_id), stdout=True, stderr=True, stream=True, logs=True, demux=True
            )
            for output, errors in said:
                yield output or b"", errors or b""

    def list(self, labels: Mapping[str, str] | None = None) -> list[SessionState]:
        """Return the sessions with these labels, the newest first."""
        wanted = [f"{_LABEL}{name}={value}" for name, value in dict(labels or {}).items()]
        with self._daemon.telling("list its sessions"):
            found = self._daemon.api.containers(
                all=True, filters={"label": [f"{_HOME}={self._home}", _SESSION, *wanted]}
            )
        ids = [one["Labels"][_SESSION] for one in found]
        states = [state for state in map(self.inspect, ids) if state is not None]
        return sorted(states, key=lambda state: (state.started or float("inf"), state.id), reverse=True)

    def forget(self, session_id: str) -> None:
        """Remove the container of a session that has ended, and its folder."""
        state = self.inspect(session_id)
        if state is not None and not state.is_live:
            with self._daemon.telling("remove the session"):
                self._remove(session_id)
            shutil.rmtree(self._sessions / session_id, ignore_errors=True)

    def _remove(self, session_id: str) -> None:
        try:
            self._daemon.api.remove_container(self._name(session_id), force=True, v=True)
        except self._errors.APIError as error:
            # Somebody else is removing it.
            if error.status_code != _CONFLICT and not _is_gone(error):
                raise

    def _name(self, session_id: str) -> str:
        return f"trailmark-{self._home}-{check_id(session_id)}"

    def _find(self, session_id: str) -> dict[str, Any] | None:
        name = self._name(session_id)
        with self._daemon.telling("tell of the session"):
            try:
                facts: dict[str, Any] = self._daemon.api.inspect_container(name)
            except self._errors.APIError as error:
                if _is_gone(error):
                    return None
                raise
        return facts

    def _create(self, spec: SessionSpec) -> str:
        folder = self._sessions / spec.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(folder / _TAKEN_ON, json.dumps({"kind": self.name}).encode())
        empty = self._sessions.parent / _EMPTY
        empty.mkdir(parents=True, exist_ok=True, mode=0o555)
        labels = {f"{_LABEL}{name}": value for name, value in spec.labels.items()}
        labels |= {_SESSION: spec.id, _HOME: self._home}
        if spec.port is not None:
            labels[_PORT] = str(spec.port)
        made = self._daemon.api.create_container_from_config(
            {
                "Image": spec.image,
                **AWAITING,
                "Cmd": list(spec.argv),
                "WorkingDir": str(spec.cwd),
                "User": self._daemon.user,
                "Labels": labels,
                "StopTimeout": max(1, round(self._grace)),
                **confinement(spec, self._daemon.network, empty, self._daemon.published_at),
            },
            self._name(spec.id),
        )
        return str(made["Id"])

    def _start(self, container: str, env: Mapping[str, str]) -> None:
        """Start a container that was created; one that cannot be started is removed, and the reason told."""
        api = self._daemon.api
        try:
            line = api.attach_socket(container, params={"stdin": 1, "stream": 1})
            with contextlib.closing(line):
                api.start(container)
                give(line, env)
        except BaseException:
            with contextlib.suppress(Exception):
                api.remove_container(container, force=True, v=True)
            raise

    def _state(self, facts: Mapping[str, Any]) -> SessionState:
        labels = facts["Config"]["Labels"]
        inner = facts["State"]
        known: dict[str, Any] = {
            "id": labels[_SESSION],
            "labels": {
                name.removeprefix(_LABEL): text for name, text in labels.items() if name.startswith(_LABEL)
            },
            "port": int(labels[_PORT]) if _PORT in labels else None,
            "started": _time(inner["StartedAt"]),
        }
        if inner["Status"] in ("running", "paused", "restarting", "stopping"):
            return SessionState(status="running", **known)
        if known["started"] is None:
            if is_held(self._sessions / known["id"] / _STARTING):
                return SessionState(status="starting", **known)
            # Who started it may have done so since the engine was asked.
            later = self._find(known["id"])
            if later is not None and _time(later["State"]["StartedAt"]) is not None:
                return self._state(later)
            reason = "The start was interrupted."
            return SessionState(status="failed", ended=_time(facts["Created"]), reason=reason, **known)
        return self._ended(known, inner)

    def _ended(self, known: dict[str, Any], inner: Mapping[str, Any]) -> SessionState:
        code: int | None = inner["ExitCode"]
        reason = inner.get("Error") or None
        if inner.get("OOMKilled"):
            reason = "It needed more memory than it may have."
        if code == NO_PROGRAM:
            said = "".join(self._words(known["id"], 1))
            if said.startswith(NO_PROGRAM_SIGN):
                code, reason = (
                    None,
                    f"{said.removeprefix(NO_PROGRAM_SIGN)}: there is no such program in the image.",
                )
        well = code == 0 or (self._sessions / known["id"] / _STOPPING).exists()
        ended = _time(inner["FinishedAt"])
        return SessionState(
            status="stopped" if well else "failed", ended=ended, exit_code=code, reason=reason, **known
        )

    def _words(self, session_id: str, tail: int) -> Sequence[str]:
        # podman, asked for the last lines, forgets those that were written in parts.
        wanted = "all" if self._daemon.kind == "podman" else tail
        with self._daemon.telling("give the session's log"):
            said: bytes = self._daemon.api.logs(self._name(session_id), tail=wanted, stdout=True, stderr=True)
        return said.decode("utf-8", "replace").splitlines()[-tail:]


def kind_of(home: Path, session_id: str) -> str | None:
    """Return the kind of engine (docker, podman) whose container a session is, None when it is in none."""
    try:
        stored = json.loads((home / "sessions" / session_id / _TAKEN_ON).read_bytes())
        return str(stored["kind"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_gone(error: Any) -> bool:
    """Whether an engine says that there is no such container; podman, of one just removed, calls that a failure."""
    return error.status_code == 404 or "no such container" in str(error.explanation or "").lower()


def _is_unstarted(facts: Mapping[str, Any]) -> bool:
    """Whether a container was made and not started: it is about to be, or who made it did not live to start it."""
    return facts["State"]["Status"] in ("created", "configured")


def _time(text: str) -> float | None:
    """Return the seconds since 1970 of the engine's time, None for its “never”."""
    if not text or text.startswith("0001-"):
        return None
    fraction = _FRACTION.search(text)
    whole = datetime.fromisoformat(_FRACTION.sub("", text))
    whole = whole if whole.tzinfo else whole.replace(tzinfo=UTC)
    return whole.timestamp() + (float(fraction.group()) if fraction else 0.0)
