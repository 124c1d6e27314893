"""Whether a project's environment is ready where it runs whole: on this machine, or as an image of an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trailmark.engines.daemon import KINDS
from trailmark.engines.docker import DockerEngine
from trailmark.errors import TrailmarkError
from trailmark.projects.standing import EnvironmentStanding, standing_facts


@dataclass(frozen=True)
class Built:
    """`ok` is None when it cannot be told; `place` is the folder or the image, `reason` why it is not there."""

    ok: bool | None
    engine: str
    place: str | None = None
    reason: str = ""


Find = Callable[[str], DockerEngine | None]


def environment_facts(standing: EnvironmentStanding, engine_named: Find) -> dict[str, Any]:
    """Return where an environment stands, and whether it is built, as data for programs."""
    built = find_built(standing, engine_named)
    where = {"engine": built.engine, "place": built.place, "reason": built.reason or None}
    return standing_facts(standing) | {"built": built.ok, "built_on": where}


def find_built(standing: EnvironmentStanding, engine_named: Find) -> Built:
    """Return whether the lock's environment is made: where anything is left to the machine, its image is.

    `engine_named` gives an engine for containers, or raises why there is none; only those are asked that answer.
    """
    if not standing.left:
        path = str(standing.path) if standing.path else None
        return Built(path is not None, "local", path, "" if path else "not made on this machine yet")
    lock = standing.lock
    if lock is None:
        return Built(False, KINDS[0], reason="not locked yet")
    if lock.base is None:
        return Built(False, KINDS[0], reason="an image starts from a base, and none is chosen")
    asked, silent = [], []
    for kind in KINDS:
        try:
            engine = engine_named(kind)
            image = engine.images.find(lock.digest) if engine else None
        except TrailmarkError as error:
            silent.append(str(error))
            continue
        if image is not None:
            return Built(True, kind, image.reference)
        asked.append(kind)
    if asked:
        there = f"{' and '.join(asked)} has no image of it yet: trailmark env build --engine {asked[0]}"
        return Built(False, asked[0], reason=there)
    return Built(None, KINDS[0], reason=f"whether its image is there cannot be told: {silent[0]}")
