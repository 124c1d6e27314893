"""Proving a project's environment: rebuild it from the lock alone, compare with what is recorded, keep the answer."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailmark.activity import load
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.engines.contents import Contents, read_contents
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image
from trailmark.engines.tool_layer import tool_layer
from trailmark.engines.trust import Trust
from trailmark.environments.image_difference import DPKG, compare_contents, counted, system_packages
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.not_built import why_not_built
from trailmark.environments.verify import Difference, Recorded, compare_rebuilt, supplied_by_the_system
from trailmark.environments.whole.model import LOCK_FILES, WholeLock, WholeRequest
from trailmark.environments.whole.recipe import image_of, recipe_of
from trailmark.environments.whole.resolve import Means
from trailmark.environments.whole.status import asked_otherwise, left_to_the_machine
from trailmark.errors import CommandFailed, InvalidInput, NotFound
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock, find_made, whole_request
from trailmark.projects.image import ready_image
from trailmark.projects.project import Project
from trailmark.projects.proofs import Proof, keep_proof

_READ_WHOLE = frozenset((DPKG,))
_AT_ONCE = 50
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
    """Build the image anew without caches, and compare it with the one in use, file by file.

    What keeps a lock from being built again is a difference as well, where it can be named.
    """
    begun = clock()
    image: Image | None = None
    compared = {"packages": 0, "files": 0, "parts": 0}
    try:
        image = ready_image(project, engine, means, progress, trust=trust)
        rebuilt, found = _rebuilt(project, image, engine, means, trust, progress)
        compared = _compared(_locked(project), means, rebuilt)
    except (CommandFailed, NotFound) as error:
        found = _not_built(project, error)
        if not found:
            raise
    lock, request = _locked(project), whole_request(project)
    facts = recorded_facts(project, lock.digest)
    asked = (
        Difference("trailmark.toml", why, None, None)
        for why in asked_otherwise(request, lock, means.managers)
    )
    differences = (*asked, *_parts(facts.get("parts"), lock), *found)
    proof = Proof(
        digest=lock.digest,
        when=clock(),
        engine=engine.name,
        ok=not differences,
        compared=compared,
        supplied=(f"the kernel: {platform.system()} {platform.release()}",),
        differences=differences[:_MOST_KEPT],
        seconds=clock() - begun,
        image=image.reference if image else None,
        image_id=image.id if image else None,
        base=image_of(lock.base) if lock.base else None,
        more=len(differences[_MOST_KEPT:]),
    )
    keep_proof(project, proof)
    return Verification(differences, proof)


def _locked(project: Project) -> WholeLock:
    lock = current_lock(project)
    assert lock is not None, "an image is built of a lock"
    return lock


def _rebuilt(
    project: Project, image: Image, engine: DockerEngine, means: Means, trust: Trust, progress: Progress
) -> tuple[Contents, tuple[Difference, ...]]:
    """Return what lies in an image that is built anew, and how it differs from the one in use."""
    lock = _locked(project)
    recipe = recipe_of(lock, means.managers, tool_layer())
    programs = {"uv": Path(means.uv.program).read_bytes()}
    try:
        fresh = engine.images.build(
            recipe, lock.digest, progress, trust=trust, programs=programs, origin="proof"
        )
        progress.step("Comparing the files")
        recorded = read_contents(engine.daemon, image.reference, _READ_WHOLE)
        rebuilt = read_contents(engine.daemon, fresh.reference, _READ_WHOLE)
    finally:
        engine.images.remove(lock.digest, "proof")
    return rebuilt, compare_contents(recorded, rebuilt)


def _not_built(project: Project, error: CommandFailed | NotFound) -> tuple[Difference, ...]:
    """Return what of the lock is why it cannot be built; nothing when it was never locked, or for another reason."""
    lock = current_lock(project)
    if lock is None:
        return ()
    said = error.output if isinstance(error, CommandFailed) else str(error)
    return why_not_built(said, image_of(lock.base) if lock.base else None)


def _compared(lock: WholeLock, means: Means, rebuilt: Contents) -> dict[str, int]:
    """Return how much of an image was compared: the packages of each manager, all of them, files."""
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


def recorded_facts(project: Project, digest: str) -> Mapping[str, Any]:
    """Return what the trail says of a lock; of the newest one that it knows when it does not know that one."""
    row = _row_of(project, digest) or next(_environment_rows(project), None)
    return load(project.repository, row.id).record.detail if row else {}


def facts_of_lock(project: Project, digest: str) -> Mapping[str, Any] | None:
    """Return what the trail says of a lock, None when it does not know it."""
    row = _row_of(project, digest)
    return load(project.repository, row.id).record.detail if row else None


def pip_digest_of(project: Project, digest: str) -> str:
    """Return the digest of the Python part of a lock that was recorded: what the local engine made of it."""
    parts = (facts_of_lock(project, digest) or {}).get("parts")
    return str(parts["pip"]) if isinstance(parts, dict) and "pip" in parts else digest


def _row_of(project: Project, digest: str) -> Row | None:
    return next((row for row in _environment_rows(project) if row.environment == digest), None)


def _environment_rows(project: Project) -> Iterator[Row]:
    """Yield the records of changed environments, the newest first, as far back as is asked for."""
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        before = None
        while rows := index.page(Filter(kind="environment"), before=before, limit=_AT_ONCE):
            yield from rows
            before = rows[-1].id


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
