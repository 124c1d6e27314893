"""Which notebook a kernel belongs to, kept up with sessions as they are made, renamed and deleted."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath


class Notebooks:
    """The notebook paths of kernels; written by the event loop, read by the observer's thread."""

    def __init__(self) -> None:
        self._seeds: dict[str, str] = {}
        self._sessions: dict[str, dict[str, str]] = {}

    def seed(self, kernel: str, path: str | None) -> None:
        """Note the path that a kernel was started for, until its session is known."""
        if path:
            self._seeds[kernel] = path

    def set(self, session: str, kernel: str, path: str | None) -> None:
        """Note that a session joins a kernel with a notebook, or with something else (None)."""
        self.forget(session)
        if path is not None:
            self._sessions[kernel] = {**self._sessions.get(kernel, {}), session: path}

    def forget(self, session: str) -> None:
        """Forget a session."""
        for kernel, paths in list(self._sessions.items()):
            if session in paths:
                self._sessions[kernel] = {known: path for known, path in paths.items() if known != session}

    def of(self, kernel: str) -> list[str]:
        """Return the notebooks of a kernel, the newest session's first."""
        return list(reversed(list(self._sessions.get(kernel, {}).values()))) or list(
            filter(None, [self._seeds.get(kernel)])
        )


def find_started_for(environ: Mapping[str, str], root: Path) -> str | None:
    """Return the notebook that a kernel is started for: `JPY_SESSION_NAME`, relative to the server's root."""
    name = environ.get("JPY_SESSION_NAME", "")
    if not name.endswith(".ipynb"):
        return None
    path = PurePosixPath(name)
    if not path.is_absolute():
        return str(path)
    return str(path.relative_to(root)) if path.is_relative_to(root) else None
