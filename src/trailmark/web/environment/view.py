"""A project's environment as a value that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trailmark.environments.status import PackageLine

Standing = Literal["nothing", "unlocked", "stale", "unmade", "ready"]


@dataclass(frozen=True)
class EnvironmentView:
    """What the page shows. `digest` and `path` are None before the lock and the environment are made."""

    python: str
    asked: tuple[PackageLine, ...]
    others: tuple[PackageLine, ...]
    digest: str | None
    path: str | None
    outdated_session: bool

    @property
    def standing(self) -> Standing:
        """How far the environment is: asked for, locked, made."""
        if self.digest is None:
            return "unlocked" if self.asked else "nothing"
        if any(line.state in ("requested", "stale") for line in self.asked):
            return "stale"
        return "ready" if self.path else "unmade"


def build_environment(
    python: str,
    lines: Sequence[PackageLine],
    *,
    digest: str | None,
    path: str | None,
    sessions: Sequence[str | None],
) -> EnvironmentView:
    """Return the view of an environment; `sessions` are the locks that open sessions were started with."""
    return EnvironmentView(
        python=python,
        asked=tuple(line for line in lines if line.requested is not None),
        others=tuple(line for line in lines if line.requested is None),
        digest=digest,
        path=path,
        outdated_session=digest is not None and any(lock != digest for lock in sessions),
    )
