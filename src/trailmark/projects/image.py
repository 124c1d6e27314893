"""The image of a project's environment: built from its lock when it is not there yet, and shared by equal locks."""

from __future__ import annotations

from pathlib import Path

from trailmark.durable import write_file
from trailmark.engines.bootstrap import Debian, bootstrap
from trailmark.engines.contents import read_contents
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image, reference_of
from trailmark.engines.recipe import Recipe
from trailmark.engines.tool_layer import tool_layer
from trailmark.engines.trust import Trust
from trailmark.environments.bases.model import Base, Debootstrap, LocalImage, RegistryImage
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import STEPS_LABEL, TOOLS_LABEL, image_of, recipe_of, shortened
from trailmark.environments.whole.resolve import Means
from trailmark.errors import InvalidInput, NotFound
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock, whole_request
from trailmark.projects.packages import lock_environment, tell_if_asked_otherwise
from trailmark.projects.project import Project
from trailmark.projects.recorded import is_first_build, record_first_build
from trailmark.projects.used import note_use

_RECEIVED = "received-image"


def ready_image(
    project: Project,
    engine: DockerEngine,
    means: Means,
    progress: Progress,
    *,
    trust: Trust,
    actor: str = "person",
) -> Image:
    """Return the image of the project's environment, built first if this engine has none; an equal one is used again.

    Raises InvalidInput for a project without a base, OtherBase for one whose image is another here, NotFound for one
    whose image is not here, and CommandFailed with the end of the build's log.
    """
    lock = current_lock(project)
    base = lock.base if lock else whole_request(project).base
    if base is not None:
        # Before anything is resolved: system packages are resolved as the base has them.
        ensure_base(engine, base, project.settings.home, progress)
    if lock is None:
        lock = lock_environment(project, means, progress, actor=actor, makes=False).lock
    else:
        tell_if_asked_otherwise(project, lock, progress)
    note_use(project.settings, lock.digest)
    recipe = recipe_of(lock, means.managers, tool_layer())
    found = find_image(project, engine, lock, recipe)
    if found is not None:
        return found
    image = build_image(engine, recipe, lock.digest, means, progress, trust=trust)
    if STEPS_LABEL not in image.labels and is_first_build(project, lock.digest):
        progress.step("Recording what the image holds")
        contents = read_contents(engine.daemon, image.reference, progress=progress)
        record_first_build(project, lock, engine.name, image, contents, actor=actor)
    return image


def find_image(project: Project, engine: DockerEngine, lock: WholeLock, recipe: Recipe) -> Image | None:
    """Return the image that the engine has for a lock: built here, or taken from a file for this project."""
    found = engine.images.find(lock.digest)
    if found is not None and recipe.labels.items() <= found.labels.items():
        return found
    received = _received(project, engine, lock.digest)
    if received is not None and recipe.labels[TOOLS_LABEL] == received.labels.get(TOOLS_LABEL):
        return received
    return None


def require_image(project: Project, engine: DockerEngine) -> str:
    """Return the digest of the project's lock when its image was built here. Raises NotFound."""
    lock = current_lock(project)
    if lock is None:
        raise NotFound("The project's environment was never locked, so it has no image. Build it first.")
    if engine.images.find(lock.digest) is None:
        raise NotFound(
            "The environment has not been built here, so its image cannot be kept. Build it first: trailmark env "
            f"build --engine {engine.name}."
        )
    return lock.digest


def keep_image(project: Project, engine: DockerEngine, path: Path, progress: Progress) -> None:
    """Write the image of the project's environment to a file. Raises NotFound when it was not built here."""
    engine.images.save(require_image(project, engine), path, progress)


def take_image(project: Project, engine: DockerEngine, path: Path, progress: Progress) -> Image:
    """Use the image that a file holds for this project from now on, and for no other: it was made by somebody else.

    Raises Damaged for a file that holds the image of another environment.
    """
    lock = current_lock(project)
    if lock is None:
        raise NotFound("The project's environment was never locked, so no image can be the one of it.")
    image = engine.images.load(path, lock.digest, progress)
    write_file(project.state / _RECEIVED, image.id.encode())
    return image


def _received(project: Project, engine: DockerEngine, digest: str) -> Image | None:
    """Return the image of the digest that was taken from a file for this project, None when there is none."""
    try:
        taken = (project.state / _RECEIVED).read_text(encoding="ascii")
    except OSError:
        return None
    image = engine.images.find(digest, "received")
    return image if image is not None and image.id == taken else None


def build_image(
    engine: DockerEngine, recipe: Recipe, digest: str, means: Means, progress: Progress, *, trust: Trust
) -> Image:
    """Build the image of a digest, from an earlier one with the same ground if the engine has such a one."""
    own = (image for image in engine.images.list() if image.reference == reference_of(image.digest))
    shorter = next(filter(None, (shortened(recipe, image) for image in own)), None)
    programs = {"uv": Path(means.uv.program).read_bytes()}
    return engine.images.build(shorter or recipe, digest, progress, trust=trust, programs=programs)


def ensure_base(engine: DockerEngine, base: Base, home: Path, progress: Progress) -> None:
    """Have the engine know what an image starts from, where it cannot find it by itself. Raises OtherBase."""
    match base.source:
        case RegistryImage(digest=None):
            # What looks into a base has it fetched only by a digest.
            engine.images.fetch(image_of(base), progress, is_of_a_registry=True)
        case LocalImage(name, str(digest)):
            found = engine.images.id_of(name)
            if found not in (None, digest):
                raise OtherBase(base, digest, str(found))
        case Debootstrap() as source if not engine.images.has(image_of(base)):
            debian = Debian(source.suite, source.variant, source.include, source.components, source.snapshot)
            bootstrap(engine.daemon, image_of(base), debian, home / "cache", progress)


class OtherBase(InvalidInput):
    """The image that is on this machine under the name of a base is not the one that the base was described with."""

    def __init__(self, base: Base, wanted: str, found: str) -> None:
        super().__init__(
            f"{base.title} starts from the image {image_of(base)} with the id {wanted}, and the image of that name "
            f"on this machine is {found}. Nothing was changed. Make that image again, or choose another base."
        )
        self.wanted = wanted
        self.found = found
