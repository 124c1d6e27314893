"""Proving the image of an environment: built anew, and compared with the first one and with the one in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trailmark.engines.contents import Contents, read_contents
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import BASE_LABEL, Image
from trailmark.engines.tool_layer import tool_layer
from trailmark.engines.trust import Trust
from trailmark.environments.bases.model import Debootstrap, LocalImage
from trailmark.environments.image_difference import DPKG, compare_contents, unlike
from trailmark.environments.not_built import why_not_built
from trailmark.environments.verify import Difference
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import TOOLS_LABEL, image_of, recipe_of
from trailmark.environments.whole.resolve import Means
from trailmark.errors import CommandFailed, NotFound
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock
from trailmark.projects.image import OtherBase, ensure_base, find_image, ready_image
from trailmark.projects.project import Project
from trailmark.projects.recorded import first_build, is_first_build, record_first_build

_READ_WHOLE = frozenset((DPKG,))
_OTHER_BASE = "the base is another image"


@dataclass(frozen=True)
class ImageComparison:
    """What a rebuild came to. `image` is the one in use, None when there is none here; `rebuilt` what lay in the new
    one, None when it could not be built."""

    differences: tuple[Difference, ...]
    image: Image | None = None
    rebuilt: Contents | None = None


def compare_image(
    project: Project, engine: DockerEngine, means: Means, trust: Trust, progress: Progress
) -> ImageComparison:
    """Build the image of the project's lock anew without caches, and compare it.

    With what the trail says of the first build, wherever that was, and with the image in use here; where neither is
    to be had, an image is built first. What keeps a lock from being built again is a difference as well, where it
    can be named.
    """
    image: Image | None = None
    try:
        image = _image_in_use(project, engine, means, trust, progress)
        lock = _locked(project)
        first = first_build(project, lock.digest)
        rebuilt, labels = _rebuild(lock, engine, means, trust, progress)
        found = tuple(_differences(lock, engine, image, rebuilt, progress))
        if image is not None and not found and is_first_build(project, lock.digest):
            record_first_build(project, lock, engine.name, image, rebuilt)
        elif first is not None and not found:
            found = unlike(
                first.get("contents"), rebuilt, tools=first.get("tools") == labels.get(TOOLS_LABEL)
            )
    except OtherBase as error:
        return ImageComparison((Difference("base", _OTHER_BASE, error.wanted, error.found),), image)
    except (CommandFailed, NotFound) as error:
        found = _not_built(project, error)
        if not found:
            raise
        return ImageComparison(found, image)
    return ImageComparison(found, image, rebuilt)


def not_proved(lock: WholeLock) -> tuple[str, ...]:
    """Return, in words, what of an image a rebuild takes as it is."""
    base = lock.base
    if base is None or (base.is_pinned and not isinstance(base.source, Debootstrap)):
        return ()
    why = "made here once" if isinstance(base.source, Debootstrap) else "named without a digest"
    return (f"the base, {base.image}: it is {why}, and taken as it is",)


def _image_in_use(
    project: Project, engine: DockerEngine, means: Means, trust: Trust, progress: Progress
) -> Image | None:
    lock = current_lock(project)
    if lock is None or lock.base is None or first_build(project, lock.digest) is None:
        return ready_image(project, engine, means, progress, trust=trust)
    ensure_base(engine, lock.base, project.settings.home, progress)
    return find_image(project, engine, lock, recipe_of(lock, means.managers, tool_layer()))


def _rebuild(
    lock: WholeLock, engine: DockerEngine, means: Means, trust: Trust, progress: Progress
) -> tuple[Contents, Mapping[str, str]]:
    """Return what lies in an image that is built anew, and its labels."""
    recipe = recipe_of(lock, means.managers, tool_layer())
    programs = {"uv": Path(means.uv.program).read_bytes()}
    try:
        fresh = engine.images.build(
            recipe, lock.digest, progress, trust=trust, programs=programs, origin="proof"
        )
        progress.step("Reading the rebuilt image")
        return read_contents(engine.daemon, fresh.reference, _READ_WHOLE, progress), fresh.labels
    finally:
        engine.images.remove(lock.digest, "proof")


def _differences(
    lock: WholeLock, engine: DockerEngine, image: Image | None, rebuilt: Contents, progress: Progress
) -> Iterator[Difference]:
    """Yield how the image in use differs from the rebuilt one, and its base from the one that there is now."""
    if image is None:
        return
    before = image.labels.get(BASE_LABEL)
    now = engine.images.id_of(image_of(lock.base)) if lock.base else None
    is_of_here = lock.base is not None and isinstance(lock.base.source, LocalImage | Debootstrap)
    if is_of_here and before and before != now:
        yield Difference("base", _OTHER_BASE, before, now)
    progress.step("Comparing the files")
    recorded = read_contents(engine.daemon, image.reference, _READ_WHOLE, progress)
    yield from compare_contents(recorded, rebuilt)


def _not_built(project: Project, error: CommandFailed | NotFound) -> tuple[Difference, ...]:
    """Return what of the lock is why it cannot be built; nothing when it was never locked, or for another reason."""
    lock = current_lock(project)
    if lock is None:
        return ()
    said = error.output if isinstance(error, CommandFailed) else str(error)
    return why_not_built(said, image_of(lock.base) if lock.base else None)


def _locked(project: Project) -> WholeLock:
    lock = current_lock(project)
    assert lock is not None, "an image is built of a lock"
    return lock
