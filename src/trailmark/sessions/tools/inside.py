"""A tool in an image: put there when it is asked for, beside an environment that stays as its lock says."""

from __future__ import annotations

from pathlib import Path

from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image
from trailmark.engines.tool_layer import TOOL_LABEL, TOOLS, digest_of, made_tool, with_tool
from trailmark.engines.trust import Trust
from trailmark.environments.bases.model import Base
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import image_of
from trailmark.environments.whole.resolve import Means
from trailmark.errors import Unavailable
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock
from trailmark.projects.project import Project
from trailmark.projects.used import note_use
from trailmark.sessions.tools.model import Tool, fill

# Each holds the tool once more; one that was removed is made again in seconds.
_MOST_KEPT = 5


def equip(
    project: Project,
    engine: DockerEngine,
    image: Image,
    tool: Tool,
    means: Means,
    progress: Progress,
    *,
    trust: Trust,
) -> Image:
    """Return the image that a session in the tool runs in: that of the environment, with the tool if it needs one.

    What takes long is done once for a base. Raises Unavailable when only a base can bring the tool and this one does
    not.
    """
    lock = current_lock(project)
    if lock is None or lock.base is None:
        return image
    _require_download(tool, lock, project)
    layer = tool.layer
    if not layer.apt and not layer.run:
        return image
    made = None
    if layer.run:
        lines = [fill(line, {"tools": TOOLS}) for line in layer.run]
        recipe = made_tool(image_of(lock.base), tool.id, layer.build, lines)
        progress.step(f"Installing {tool.title}: once for this base", None)
        programs = {"uv": Path(means.uv.program).read_bytes()}
        made = engine.images.build(
            recipe, digest_of(recipe), progress, trust=trust, programs=programs, origin="tool"
        )
        note_use(project.settings, made.digest)
    recipe = with_tool(image, tool.id, made, layer.apt)
    equipped = engine.images.build(recipe, digest_of(recipe), progress, trust=trust, origin="equipped")
    _remove_older(engine, tool)
    return equipped


def program_in_image(tool: Tool) -> str | None:
    """Return where a tool's program is in an image: where its layer puts it, else somewhere on the PATH (pure)."""
    places = [fill(place, {"tools": TOOLS}) for place in tool.places]
    whole = [place for place in places if place.startswith("/")]
    brought = tool.layer.run or tool.layer.download
    return f"{whole[0]}/{tool.program}" if brought and whole else tool.program


def _require_download(tool: Tool, lock: WholeLock, project: Project) -> None:
    """Refuse a tool that this base does not bring, unless a snippet may have brought it."""
    if lock.base is not None and not lock.all_snippets and not is_brought(tool, lock.base):
        raise Unavailable(
            f"{tool.title} is brought by a base, and that of {project.name}, “{lock.base.title}”, has none. Nothing "
            "was changed. `trailmark bases` lists those that have it; choose one with `trailmark env base`."
        )


def is_brought(tool: Tool, base: Base) -> bool:
    """Whether an image of the base can have a tool: any that needs nothing of the base, else one that it brings."""
    wanted = tool.layer.download
    brought = (wanted == one.name or tool.id == one.tool for one in base.downloads)
    return wanted is None or tool.id in base.tools or any(brought)


def _remove_older(engine: DockerEngine, tool: Tool) -> None:
    equipped = [image for image in engine.images.list() if image.reference.endswith(":equipped")]
    ours = [image for image in equipped if image.labels.get(TOOL_LABEL) == tool.id]
    for image in ours[_MOST_KEPT:]:
        engine.images.remove(image.digest, "equipped")
