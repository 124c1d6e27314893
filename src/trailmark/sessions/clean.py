"""Finding what nothing uses any more, and removing it: images, environments, containers that were left behind.

One sentence says what goes: what no branch of any project names now, and nothing has used for some days. All of it
can be made again from a lock. Of images only those that this Trailmark used are looked at: others may use the engine.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trailmark.engines import Engine
from trailmark.engines.docker import DockerEngine
from trailmark.engines.leftovers import (
    digits,
    ended_containers,
    own_sizes,
    remove_container,
    remove_image,
    unnamed_images,
)
from trailmark.environments.realise import iter_made, remove_made
from trailmark.progress import Progress
from trailmark.projects.named import Named, named_environments
from trailmark.projects.used import forget_use, uses
from trailmark.sessions.session import folder_of, iter_sessions
from trailmark.settings import Settings

DAYS = 30
_DAY = 86400.0
# What is being made or looked into right now is younger than this.
_YOUNG = 3600.0
_ABOUT = {
    "latest": "an environment",
    "received": "an environment that came in a file",
    "proof": "a rebuild that proved an environment",
    "tool": "a tool, made for a base",
    "equipped": "an environment with a tool",
}
_PROOF = ":proof"
Kind = Literal["environment", "image", "unnamed", "look", "session"]


@dataclass(frozen=True)
class Unused:
    """Something that can go. `name` is what its engine calls it, `used` when it was last used (seconds since 1970).

    Its kind is an environment of this machine, an image (which a newer one may have left without a name), or the
    container of a look into an image or of a session.
    """

    kind: Kind
    engine: str
    name: str
    about: str
    bytes: int
    used: float


@dataclass(frozen=True)
class Found:
    """All that can go; `unread` says of which projects it is not known what they name."""

    items: tuple[Unused, ...]
    unread: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """How much room there will be at least."""
        return sum(item.bytes for item in self.items)


def find_unused(
    settings: Settings,
    engine: Engine,
    containers: Sequence[DockerEngine],
    *,
    days: float = DAYS,
    now: float | None = None,
) -> Found:
    """Return what can go, the largest first. `engine` knows all sessions, `containers` are those that answer."""
    now = time.time() if now is None else now
    named, used = named_environments(settings), uses(settings)
    needed = _in_sessions(settings, engine)
    before = now - days * _DAY
    items = list(_environments(settings, named.environments | needed, used, before, now))
    for one in containers:
        items += _images(one, named, needed, used, before)
        items += _containers(one, settings, now)
    return Found(tuple(sorted(items, key=lambda item: (-item.bytes, item.name))), named.unread)


def remove_unused(
    settings: Settings,
    engine: Engine,
    containers: Sequence[DockerEngine],
    chosen: Sequence[Unused],
    progress: Progress,
    *,
    days: float = DAYS,
) -> list[Unused]:
    """Remove what was chosen and still can go; return what is gone."""
    still = {(item.engine, item.name) for item in find_unused(settings, engine, containers, days=days).items}
    engines = {one.name: one for one in containers}
    removed = []
    for number, item in enumerate(chosen):
        if progress.cancelled:
            break
        progress.step(f"Removing {item.about}", number / len(chosen))
        if (item.engine, item.name) in still and _remove(settings, engines.get(item.engine), item):
            removed.append(item)
    return removed


def _in_sessions(settings: Settings, engine: Engine) -> frozenset[str]:
    """Return the digests that live sessions use: of whole locks, and of what their kernels run in."""
    found = set()
    for session in iter_sessions(settings):
        state = engine.inspect(session.id)
        if state is None or not state.is_live:
            continue
        found.add(session.environment or "")
        link = folder_of(settings, session.id) / "environment"
        if link.is_symlink():
            found.add(link.readlink().name)
    return frozenset(found)


def _environments(
    settings: Settings, needed: frozenset[str], used: dict[str, float], before: float, now: float
) -> Iterator[Unused]:
    folder = settings.home / "environments"
    for digest, made in iter_made(settings.home):
        if made is None:
            last, limit = (folder / digest).stat().st_mtime, now - _YOUNG
            about = "an environment that was left half made"
        else:
            last, limit = max(made, used.get(digest, 0.0)), before
            about = "an environment"
        if last <= limit and (made is None or digest not in needed):
            yield Unused("environment", "local", digest, about, _room(folder / digest), last)


def _images(
    engine: DockerEngine, named: Named, needed: frozenset[str], used: dict[str, float], before: float
) -> Iterator[Unused]:
    current = named.wholes | needed
    images = [image for image in engine.images.list() if image.digest in used]
    unwanted = [
        image
        for image in images
        if used[image.digest] <= before and (image.digest not in current or image.reference.endswith(_PROOF))
    ]
    sizes = own_sizes(engine.daemon) if unwanted else {}
    for image in unwanted:
        about = _ABOUT.get(image.reference.rpartition(":")[2], "an environment")
        room, last = sizes.get(digits(image.id), 0), used[image.digest]
        yield Unused("image", engine.name, image.reference, about, room, last)
    for left in unnamed_images(engine.daemon):
        if left.digest in used and left.created <= before:
            about = "an environment that was built anew since"
            yield Unused("unnamed", engine.name, left.id, about, left.bytes, left.created)


def _containers(engine: DockerEngine, settings: Settings, now: float) -> Iterator[Unused]:
    for left in ended_containers(engine.daemon):
        if left.created <= now - _YOUNG:
            yield Unused("look", engine.name, left.id, "a look into an image", 0, left.created)
    for state in engine.list():
        last = state.ended or state.started or 0.0
        is_known = (folder_of(settings, state.id) / "session.json").exists()
        if not state.is_live and not is_known and last <= now - _YOUNG:
            yield Unused("session", engine.name, state.id, "a session that has ended", 0, last)


def _remove(settings: Settings, engine: DockerEngine | None, item: Unused) -> bool:
    if item.kind == "environment":
        gone = remove_made(item.name, settings.home)
        if gone:
            forget_use(settings, item.name)
        return gone
    if engine is None:
        return False
    if item.kind == "session":
        engine.forget(item.name)
        return engine.inspect(item.name) is None
    if item.kind == "look":
        return remove_container(engine.daemon, item.name)
    return remove_image(engine.daemon, item.name)


def _room(folder: Path) -> int:
    """Return how much room a folder takes that nothing else would keep: uv's cache may have the same files."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(place, name))
                found += status.st_blocks * 512 if status.st_nlink == 1 else 0
    return found
