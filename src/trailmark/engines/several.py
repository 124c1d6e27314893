"""All engines of a machine as one: what is submitted goes to the chosen one, and each session is asked of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from trailmark.engines.docker import DockerEngine, kind_of
from trailmark.engines.local import LocalEngine
from trailmark.engines.model import Engine, SessionSpec, SessionState, check_id
from trailmark.errors import InvalidInput, NotFound, Unavailable


class SeveralEngines:
    """The local engine and those for containers, which are looked for when a session of theirs is asked for.

    A session of an engine that does not answer counts as live: nobody knows that it has ended.
    """

    def __init__(
        self,
        home: Path,
        local: LocalEngine,
        kinds: tuple[str, ...],
        find: Callable[[str], DockerEngine],
        chosen: str = "local",
    ) -> None:
        self._home = home
        self._local = local
        self._kinds = kinds
        self._find = find
        self._found: dict[str, DockerEngine] = {}
        self._chosen = chosen

    @property
    def name(self) -> str:
        """The name of the chosen engine."""
        return self._chosen

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all, whether or not they are on this machine."""
        return ("local", *self._kinds)

    @property
    def chosen(self) -> Engine:
        """The engine that is submitted to. Raises Unavailable, saying what to install."""
        return self._local if self._chosen == "local" else self._container(self._chosen)

    @property
    def containers(self) -> DockerEngine | None:
        """What the chosen engine says. Raises Unavailable, saying what to install."""
        return self.chosen.containers

    def on(self, name: str) -> SeveralEngines:
        """Return the same engines with another one chosen. Raises InvalidInput that names those there are."""
        if name not in self.names:
            raise InvalidInput(
                f"There is no engine “{name}” to launch on. There are: {', '.join(self.names)}."
            )
        return SeveralEngines(self._home, self._local, self._kinds, self._find, name)

    def submit(self, spec: SessionSpec) -> None:
        """Have the chosen engine run the program."""
        self.chosen.submit(spec)

    def inspect(self, session_id: str) -> SessionState | None:
        """Return how the session is, by its own engine."""
        kind = kind_of(self._home, check_id(session_id))
        if kind is None:
            return self._local.inspect(session_id)
        try:
            return self._container(kind).inspect(session_id)
        except Unavailable as error:
            return SessionState(session_id, "starting", {}, reason=str(error), is_silent=True)

    def stop(self, session_id: str) -> None:
        """End the session on its own engine."""
        self._engine_of(session_id).stop(session_id)

    def logs(self, session_id: str, tail: int = 200) -> str:
        """Return the last lines of what the program said."""
        return self._engine_of(session_id).logs(session_id, tail)

    def list(self, labels: Mapping[str, str] | None = None) -> list[SessionState]:
        """Return the sessions with these labels on all engines that have any, the newest first."""
        found = self._local.list(labels)
        folders = [folder.name for folder in (self._home / "sessions").glob("*")]
        kinds = {name: kind for name in folders if (kind := kind_of(self._home, name)) is not None}
        silent = set()
        for kind in {*self._found, *kinds.values()}:
            try:
                found += self._container(kind).list(labels)
            except (Unavailable, NotFound):
                silent.add(kind)
        wanted = dict(labels or {}).items()
        for name in (name for name, kind in kinds.items() if kind in silent):
            state = self.inspect(name)
            found += [state] if state is not None and wanted <= dict(state.labels).items() else []
        return sorted(found, key=lambda state: (state.started or float("inf"), state.id), reverse=True)

    def forget(self, session_id: str) -> None:
        """Remove what its engine keeps of a session that has ended."""
        self._engine_of(session_id).forget(session_id)

    def _engine_of(self, session_id: str) -> Engine:
        kind = kind_of(self._home, check_id(session_id))
        return self._local if kind is None else self._container(kind)

    def _container(self, kind: str) -> DockerEngine:
        if kind not in self._kinds:
            raise NotFound(f"The engine {kind} is not known here.")
        if kind not in self._found:
            self._found[kind] = self._find(kind)
        return self._found[kind]
