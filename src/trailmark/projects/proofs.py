"""What is known of rebuilt environments on this machine: which lock was rebuilt, when, and whether it was equal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trailmark.durable import write_file
from trailmark.environments.verify import Difference
from trailmark.projects.project import Project

_FILE = "proofs.json"
_MOST = 50


@dataclass(frozen=True)
class Proof:
    """One rebuild that was compared with what is recorded.

    `compared` counts what was looked at, by kind; `supplied` says what this machine's system stands for. `image`
    is the image that was compared, by its name and the engine's id, and `base` what it starts from; None for none.
    """

    digest: str
    when: float
    engine: str
    ok: bool
    compared: dict[str, int]
    supplied: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    seconds: float | None = None
    image: str | None = None
    image_id: str | None = None
    base: str | None = None
    more: int = 0

    @property
    def by_cause(self) -> dict[str, tuple[Difference, ...]]:
        """The differences that were kept, by their causes; that with the most first."""
        causes = Counter(one.cause for one in self.differences)
        return {
            cause: tuple(one for one in self.differences if one.cause == cause)
            for cause, _ in causes.most_common()
        }


def find_proofs(project: Project, digest: str) -> tuple[Proof, ...]:
    """Return the newest comparison of a lock on each engine, the newest first."""
    found = (one for one in _stored(project) if one.digest == digest)
    return tuple(sorted(found, key=lambda one: one.when, reverse=True))


def keep_proof(project: Project, proof: Proof) -> None:
    """Remember a comparison in the project's state, in the place of an earlier one of that lock on that engine."""
    others = (one for one in _stored(project) if (one.digest, one.engine) != (proof.digest, proof.engine))
    newest = sorted((*others, proof), key=lambda one: one.when)[-_MOST:]
    project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(project.state / _FILE, json.dumps([asdict(one) for one in newest]).encode())


def _stored(project: Project) -> list[Proof]:
    """Return the comparisons that are kept; a file that cannot be read holds none."""
    try:
        stored = json.loads((project.state / _FILE).read_text(encoding="utf-8"))
        return [_proof(each) for each in stored]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _proof(stored: Mapping[str, Any]) -> Proof:
    differences = tuple(Difference(**each) for each in stored["differences"])
    return Proof(**{**stored, "supplied": tuple(stored["supplied"]), "differences": differences})
