"""What is known of rebuilt environments on this machine: which lock was rebuilt, when, and whether it was equal."""

from __future__ import annotations

import json
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

    `compared` counts what was looked at, by kind; `supplied` says what this machine's system stands for.
    """

    digest: str
    when: float
    engine: str
    ok: bool
    compared: dict[str, int]
    supplied: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


def find_proof(project: Project, digest: str) -> Proof | None:
    """Return the newest comparison of a lock, None when there was none."""
    return _stored(project).get(digest)


def keep_proof(project: Project, proof: Proof) -> None:
    """Remember a comparison in the project's state."""
    proofs = _stored(project) | {proof.digest: proof}
    newest = sorted(proofs.values(), key=lambda one: one.when)[-_MOST:]
    project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(project.state / _FILE, json.dumps([asdict(one) for one in newest]).encode())


def _stored(project: Project) -> dict[str, Proof]:
    """Return the comparisons by the locks' digests; a file that cannot be read holds none."""
    try:
        stored = json.loads((project.state / _FILE).read_text(encoding="utf-8"))
        proofs = [_proof(each) for each in stored]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {one.digest: one for one in proofs}


def _proof(stored: Mapping[str, Any]) -> Proof:
    differences = tuple(Difference(**each) for each in stored["differences"])
    return Proof(**{**stored, "supplied": tuple(stored["supplied"]), "differences": differences})
