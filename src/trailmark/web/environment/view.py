"""A project's environment as a value that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trailmark.environments.bases.model import Base
from trailmark.environments.snippets import Snippet
from trailmark.environments.whole.status import PackageStanding
from trailmark.projects.manifest_environment import Resources, written_size
from trailmark.projects.proofs import Proof
from trailmark.projects.standing import EnvironmentStanding
from trailmark.web.bases.view import BaseCard, card_of
from trailmark.web.environment.places import Place

Standing = Literal["nothing", "unlocked", "stale", "unmade", "ready"]
Badge = Literal["proved", "unequal", "locked", "unlocked"]


@dataclass(frozen=True)
class PackageRow:
    """One package that was asked for. `newer` is the newest version where that is another than the locked one."""

    line: PackageStanding
    newer: str | None


@dataclass(frozen=True)
class Limits:
    """What a session may use, as a person writes it; empty is without limit."""

    cpus: str
    memory: str
    shared_memory: str
    gpu: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The limits in short, none when there are none."""
        shared = f"{self.shared_memory} shared" if self.shared_memory else ""
        cpus = f"{self.cpus} CPU" if self.cpus else ""
        return tuple(filter(None, (cpus, self.memory, shared, "GPU" if self.gpu else "")))


@dataclass(frozen=True)
class Secret:
    """A secret that the project names; `place` is where a container has it, None for a variable."""

    name: str
    is_known: bool
    place: str | None = None


@dataclass(frozen=True)
class EnvironmentView:
    """What the page shows. `digest` and `path` are None before the lock and the environment are made."""

    python: str
    base: BaseCard | None
    newer_base: int | None
    asked: tuple[PackageRow, ...]
    others: tuple[PackageStanding, ...]
    snippets: tuple[Snippet, ...]
    base_snippets: tuple[Snippet, ...]
    digest: str | None
    lock_files: tuple[str, ...]
    path: str | None
    why: tuple[str, ...]
    left: tuple[str, ...]
    proof: Proof | None
    proofs: tuple[Proof, ...]
    places: tuple[Place, ...]
    secrets: tuple[Secret, ...]
    managers: tuple[tuple[str, str], ...]
    limits: Limits
    outdated_session: bool

    @property
    def standing(self) -> Standing:
        """How far the environment is: asked for, locked, made."""
        if self.digest is None:
            return "unlocked" if self.asked or self.base else "nothing"
        if self.why:
            return "stale"
        return "ready" if self.path else "unmade"

    @property
    def badge(self) -> Badge:
        """What can be said of the lock: proved, found unequal, locked, or not locked as it is asked for."""
        if self.digest is None or self.why:
            return "unlocked"
        if self.proof is None:
            return "locked"
        return "proved" if self.proof.ok else "unequal"

    @property
    def outdated(self) -> int:
        """How many packages that were asked for have a newer version."""
        return sum(row.newer is not None for row in self.asked)


def build_environment(
    standing: EnvironmentStanding,
    *,
    managers: Sequence[str],
    resources: Resources,
    places: Sequence[Place],
    secrets: Sequence[Secret],
    sessions: Sequence[str | None],
) -> EnvironmentView:
    """Return the view of an environment; `sessions` are the locks of Python's packages that open
    sessions were started with."""
    base, lock = standing.request.base, standing.lock
    return EnvironmentView(
        python=standing.request.pip.python,
        base=card_of(base) if base else None,
        newer_base=standing.newer.revision if standing.newer else None,
        asked=tuple(
            PackageRow(line, standing.outdated.get((line.manager, line.name))) for line in standing.asked
        ),
        others=standing.needed,
        snippets=standing.request.snippets,
        base_snippets=tuple(
            one for one in standing.request.all_snippets if one not in standing.request.snippets
        ),
        digest=standing.digest,
        lock_files=_lock_files(standing, base),
        path=str(standing.path) if standing.path else None,
        why=standing.why,
        left=standing.left,
        proof=standing.proof,
        proofs=standing.proofs,
        places=tuple(places),
        secrets=tuple(secrets),
        managers=tuple((name, _MANAGERS.get(name, name)) for name in ("pip", *managers)),
        limits=Limits(
            f"{resources.cpus:g}" if resources.cpus else "",
            written_size(resources.memory_bytes) or "",
            written_size(resources.shared_memory_bytes) or "",
            resources.gpu,
        ),
        outdated_session=lock is not None and any(digest != lock.pip.digest for digest in sessions),
    )


_MANAGERS = {"pip": "Python (pip)", "conda": "conda", "apt": "System (apt)", "r": "R (CRAN)"}


def _lock_files(standing: EnvironmentStanding, base: Base | None) -> tuple[str, ...]:
    if standing.lock is None:
        return ()
    others = tuple(file.path for file in standing.lock.others.values())
    return ("environment/pylock.toml", *others, *(("environment/base.toml",) if base else ()))
