"""Proving a project's environment: rebuild it from the lock alone, compare with what is recorded, keep the answer."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trailmark.engines.contents import Contents
from trailmark.engines.docker import DockerEngine
from trailmark.engines.trust import Trust
from trailmark.environments.image_difference import DPKG, counted, system_packages
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.verify import Difference, Recorded, compare_rebuilt, supplied_by_the_system
from trailmark.environments.whole.model import LOCK_FILES, WholeLock, WholeRequest
from trailmark.environments.whole.recipe import image_of
from trailmark.environments.whole.resolve import Means
from trailmark.environments.whole.status import asked_otherwise, left_to_the_machine
from trailmark.errors import InvalidInput
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock, find_made, whole_request
from trailmark.projects.project import Project
from trailmark.projects.proofs import Proof, keep_proof
from trailmark.projects.prove_image import compare_image, not_proved
from trailmark.projects.recorded import recorded_facts

_MOST_KEPT = 100


@dataclass(frozen=True)
class Verification:
    """What a rebuild came to. `proof` is what was kept of it."""

    differences: tuple[Difference, ...]
    proof: Proof

    @property
    def ok(self) -> bool:
        """Whether the rebuilt equals what is recorded."""
        return not self.differences


def verify_environment(
    project: Project, means: Means, progress: Progress, *, clock: Callable[[], float] = time.time
) -> Verification:
    """Rebuild in a clean place without caches and compare; what was found is kept in the project's state.

    Raises InvalidInput when nothing is locked yet.
    """
    lock, request = current_lock(project), whole_request(project)
    if lock is None:
        raise InvalidInput(
            "This environment is not locked yet, so there is nothing to rebuild: trailmark env lock."
        )
    begun = clock()
    progress.step("Reading what is recorded")
    facts = recorded_facts(project, lock.digest)
    python = find_interpreter(*filter(None, (lock.python, lock.pip.requires_python)), uv=means.uv)
    recorded = Recorded(
        packages=facts.get("files"), python=facts.get("interpreter"), made=find_made(project, lock)
    )
    near = project.settings.home / "environments"
    compared = compare_rebuilt(lock.pip, recorded, python, means.uv, progress, near=near)
    asked = (
        Difference("trailmark.toml", why, None, None)
        for why in asked_otherwise(request, lock, means.managers)
    )
    differences = (*asked, *_parts(facts.get("parts"), lock), *compared.differences)
    proof = Proof(
        digest=lock.digest,
        when=clock(),
        engine="local",
        ok=not differences,
        compared={"packages": compared.packages, "files": compared.files, "parts": len(lock.parts())},
        supplied=_supplied(request, lock, supplied_by_the_system(python)),
        differences=differences[:_MOST_KEPT],
        seconds=clock() - begun,
        more=len(differences[_MOST_KEPT:]),
    )
    keep_proof(project, proof)
    return Verification(differences, proof)


def verify_image(
    project: Project,
    engine: DockerEngine,
    means: Means,
    trust: Trust,
    progress: Progress,
    *,
    clock: Callable[[], float] = time.time,
) -> Verification:
    """Build the image anew without caches, and compare it with the first one and the one in use, file by file.

    What keeps a lock from being built again is a difference as well, where it can be named.
    """
    begun = clock()
    found = compare_image(project, engine, means, trust, progress)
    lock, request = current_lock(project), whole_request(project)
    assert lock is not None, "an image is built of a lock"
    facts = recorded_facts(project, lock.digest)
    asked = (
        Difference("trailmark.toml", why, None, None)
        for why in asked_otherwise(request, lock, means.managers)
    )
    differences = (*asked, *_parts(facts.get("parts"), lock), *found.differences)
    proof = Proof(
        digest=lock.digest,
        when=clock(),
        engine=engine.name,
        ok=not differences,
        compared=_compared(lock, means, found.rebuilt),
        supplied=(*not_proved(lock), f"the kernel: {platform.system()} {platform.release()}"),
        differences=differences[:_MOST_KEPT],
        seconds=clock() - begun,
        image=found.image.reference if found.image else None,
        image_id=found.image.id if found.image else None,
        base=image_of(lock.base) if lock.base else None,
        more=len(differences[_MOST_KEPT:]),
    )
    keep_proof(project, proof)
    return Verification(differences, proof)


def _compared(lock: WholeLock, means: Means, rebuilt: Contents | None) -> dict[str, int]:
    """Return how much of an image was compared: the packages of each manager, all of them, files."""
    if rebuilt is None:
        return {"packages": 0, "files": 0, "parts": 0}
    managers = {
        name: means.managers[name].parse(file.text) for name, file in lock.others.items() if name != "apt"
    }
    system = len(system_packages(rebuilt.texts.get(DPKG, "")))
    packages = {"pip": sum(one.applies() for one in lock.packages), "system": system}
    packages |= {name: len(found.items) for name, found in managers.items()}
    return {
        "packages": sum(packages.values()),
        "files": counted(rebuilt),
        "parts": len(lock.parts()),
        **packages,
    }


def _parts(recorded: Mapping[str, Any] | None, lock: WholeLock) -> Iterator[Difference]:
    """Yield what of the lock is not as it was when it was recorded, each by its name."""
    if recorded is None:
        return
    now = lock.parts()
    cause = "changed since it was recorded"
    for name in sorted((recorded.keys() | now.keys()) - {"snippets"}):
        if recorded.get(name) != now.get(name):
            what = {"python": "Python that is asked for", "base": "base"}.get(
                name, LOCK_FILES.get(name, name)
            )
            yield Difference(what, cause, recorded.get(name), now.get(name))
    before, after = dict(recorded.get("snippets", ())), dict(now.get("snippets", ()))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Difference(f"snippet {name}", cause, before.get(name), after.get(name))


def _supplied(request: WholeRequest, lock: WholeLock, system: tuple[str, ...]) -> tuple[str, ...]:
    return (*system, *left_to_the_machine(request, lock))
