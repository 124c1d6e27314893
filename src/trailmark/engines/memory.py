"""An engine that runs nothing, for tests: it knows a handful of programs and what would become of them."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from trailmark.engines.model import SessionSpec, SessionState, Status, check_id
from trailmark.errors import NotFound

_ENDS: Final[Mapping[str, int]] = {"true": 0, "false": 1, "echo": 0, "printenv": 0}
_RUNS: Final = frozenset({"sleep", "cat"})


class MemoryEngine:
    """Keeps sessions in memory. It knows true, false, echo, printenv and sleep; `end` ends one from outside.

    With `runs_anything` every other program is taken to start well and to run until it is stopped.
    """

    name = "memory"
    containers = None

    def __init__(self, *, runs_anything: bool = False) -> None:
        self._runs_anything = runs_anything
        self._states: dict[str, SessionState] = {}
        self._logs: dict[str, str] = {}
        self.submitted: list[SessionSpec] = []

    def submit(self, spec: SessionSpec) -> None:
        """Note the session and decide at once what becomes of its program."""
        if spec.id in self._states:
            return
        self.submitted.append(spec)
        program = spec.argv[0].rsplit("/", 1)[-1]
        state = SessionState(spec.id, "running", dict(spec.labels), started=time.time(), port=spec.port)
        self._logs[spec.id] = _says(program, spec)
        self._states[spec.id] = state
        if program in _ENDS:
            self.end(spec.id, _ENDS[program])
        elif program not in _RUNS and not self._runs_anything:
            reason = f"{spec.argv[0]}: there is no such program"
            self._states[spec.id] = replace(
                state, status="failed", started=None, ended=time.time(), reason=reason
            )

    def end(self, session_id: str, code: int) -> None:
        """Let a running program end by itself."""
        state = self._states[session_id]
        status: Status = "stopped" if code == 0 else "failed"
        self._states[session_id] = replace(state, status=status, ended=time.time(), exit_code=code)

    def inspect(self, session_id: str) -> SessionState | None:
        """Return how the session is."""
        return self._states.get(check_id(session_id))

    def stop(self, session_id: str) -> None:
        """Note that the session was stopped."""
        state = self._states.get(check_id(session_id))
        if state is not None and state.is_live:
            self._states[session_id] = replace(state, status="stopped", ended=time.time(), exit_code=-15)

    def logs(self, session_id: str, tail: int = 200) -> str:
        """Return what the program would have said."""
        if check_id(session_id) not in self._states:
            raise NotFound(f"There is no session {session_id}.")
        return "\n".join(self._logs[session_id].splitlines()[-tail:] if tail > 0 else [])

    def list(self, labels: Mapping[str, str] | None = None) -> list[SessionState]:
        """Return the sessions with these labels, the newest first."""
        wanted = dict(labels or {}).items()
        found = [state for state in self._states.values() if wanted <= dict(state.labels).items()]
        return sorted(found, key=lambda state: (state.started or float("inf"), state.id), reverse=True)

    def forget(self, session_id: str) -> None:
        """Remove an ended session."""
        state = self._states.get(check_id(session_id))
        if state is not None and not state.is_live:
            del self._states[session_id], self._logs[session_id]


def _says(program: str, spec: SessionSpec) -> str:
    if program == "echo":
        return " ".join(spec.argv[1:])
    return spec.env.get(spec.argv[1], "") if program == "printenv" else ""
