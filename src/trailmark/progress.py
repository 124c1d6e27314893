"""How long work tells its caller where it stands, and learns that it is no longer wanted."""

from typing import Protocol


class Progress(Protocol):
    """Listens to a piece of work. Implementations may be called from another thread."""

    def step(self, message: str, fraction: float | None = None) -> None:
        """A new stage has begun; `fraction` (0 to 1) is how much of the whole is done, when known."""

    def log(self, line: str) -> None:
        """One line for whoever wants the details."""

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop at the next safe point."""


class NullProgress:
    """Listens to nothing and never cancels."""

    cancelled = False

    def step(self, message: str, fraction: float | None = None) -> None:
        """Ignore the stage."""

    def log(self, line: str) -> None:
        """Ignore the line."""
