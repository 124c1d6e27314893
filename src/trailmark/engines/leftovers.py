"""What is left in a container engine that nobody will ask for again, and how much room images take."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from trailmark.engines.daemon import Daemon
from trailmark.engines.images import DIGEST_LABEL
from trailmark.errors import CommandFailed

# On containers that are made to look into an image, and removed at once unless we are killed.
PASSING = "trailmark.passing"
_ENDED = ("exited", "created", "configured", "dead")


@dataclass(frozen=True)
class Left:
    """A container or an image without a name, by the engine's id, and the digest of its environment if it has one."""

    id: str
    created: float
    bytes: int = 0
    digest: str = ""


def ended_containers(daemon: Daemon) -> list[Left]:
    """Return the containers that looked into an image and were left behind; those that run are not among them."""
    with daemon.telling("list its containers"):
        found = daemon.api.containers(all=True, filters={"label": [PASSING]})
    return [Left(one["Id"], float(one["Created"])) for one in found if one["State"] in _ENDED]


def unnamed_images(daemon: Daemon) -> list[Left]:
    """Return the images of environments that have lost their name to a newer one."""
    with daemon.telling("list its images"):
        found = daemon.api.images(filters={"label": [DIGEST_LABEL], "dangling": True})
    sizes = own_sizes(daemon) if found else {}
    return [
        Left(one["Id"], float(one["Created"]), sizes.get(digits(one["Id"]), 0), one["Labels"][DIGEST_LABEL])
        for one in found
    ]


def own_sizes(daemon: Daemon) -> dict[str, int]:
    """Return how many bytes of each image, by the digits of its id, no other image has too."""
    with daemon.telling("say how much room its images take"):
        found = daemon.api.df().get("Images") or ()
    return {digits(one["Id"]): max(0, one["Size"] - max(0, one.get("SharedSize", 0))) for one in found}


def digits(image: str) -> str:
    """Return an image's id without the name of its algorithm, which podman writes in some places."""
    return image.removeprefix("sha256:")


def remove_container(daemon: Daemon, container: str) -> bool:
    """Remove a container that has ended; False for one that runs, or is gone."""
    return _is_done(lambda: daemon.api.remove_container(container, v=True), daemon)


def remove_image(daemon: Daemon, image: str) -> bool:
    """Remove an image, by its name or id; False for one that a container has, whoever made it, or that is gone."""
    return _is_done(lambda: daemon.api.remove_image(image), daemon)


def _is_done(work: Callable[[], object], daemon: Daemon) -> bool:
    errors = importlib.import_module("docker.errors")
    try:
        with daemon.telling("remove what is left"):
            work()
    except CommandFailed as error:
        if isinstance(error.__cause__, errors.APIError):
            return False
        raise
    return True
