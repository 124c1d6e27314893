"""Read files out of an image, after something was run in it; the image stays as it is."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator, Sequence

from trailmark.engines.daemon import Daemon
from trailmark.engines.given import AWAITING, give
from trailmark.engines.leftovers import PASSING
from trailmark.engines.trust import Trust
from trailmark.errors import Cancelled, CommandFailed, NotFound
from trailmark.progress import Progress

_POLL_SECONDS = 0.2
_LONGEST = 1_000_000_000
_MOST_PROCESSES = 4096
_MOST_MEMORY = 4 * 1024**3


def read_files(
    daemon: Daemon,
    image: str,
    paths: Sequence[str],
    *,
    first: Sequence[str],
    trust: Trust,
    progress: Progress,
) -> dict[str, bytes]:
    """Return a tar archive of each file or folder of an image that is there, by its path.

    `first` is what is run in the image before, as root and with the network of builds. Raises NotFound for an image
    that the engine does not have, CommandFailed with the end of the log, Unavailable or Cancelled.
    """
    with _container(daemon, image, first) as container:
        _run(daemon, container, trust, progress)
        return {path: data for path in paths for data in _archive(daemon, container, path)}


def read_kept(daemon: Daemon, image: str, paths: Sequence[str]) -> dict[str, bytes]:
    """Return a tar archive of each file of an image that is there, by its path; nothing is run.

    Raises as `read_files`.
    """
    with _container(daemon, image, ("true",)) as container:
        return {path: data for path in paths for data in _archive(daemon, container, path)}


@contextlib.contextmanager
def _container(daemon: Daemon, image: str, argv: Sequence[str]) -> Iterator[str]:
    errors = importlib.import_module("docker.errors")
    try:
        with daemon.telling("make a container to look into the image"):
            made = daemon.api.create_container_from_config(
                {
                    "Image": image,
                    **AWAITING,
                    "Cmd": list(argv),
                    "User": "0:0",
                    "Labels": {PASSING: ""},
                    "HostConfig": {
                        "NetworkMode": daemon.network,
                        "SecurityOpt": ["no-new-privileges"],
                        "PidsLimit": _MOST_PROCESSES,
                        "Memory": _MOST_MEMORY,
                        "MemorySwap": _MOST_MEMORY,
                    },
                }
            )
    except CommandFailed as error:
        if isinstance(error.__cause__, errors.NotFound):
            raise NotFound(f"The engine does not have the image {image}. Nothing was changed.") from error
        raise
    try:
        yield made["Id"]
    finally:
        with contextlib.suppress(errors.NotFound), daemon.telling("remove the container again"):
            daemon.api.remove_container(made["Id"], force=True, v=True)


def _run(daemon: Daemon, container: str, trust: Trust, progress: Progress) -> None:
    with daemon.telling("look into the image"):
        line = daemon.api.attach_socket(container, params={"stdin": 1, "stream": 1})
        with contextlib.closing(line):
            daemon.api.start(container)
            # The address of a proxy may hold a password.
            give(line, trust.proxies)
        while (state := daemon.api.inspect_container(container)["State"])["Running"]:
            if progress.cancelled:
                raise Cancelled("Stopped looking into the image, as asked; nothing was changed.")
            time.sleep(_POLL_SECONDS)
        log = daemon.api.logs(container, tail=30).decode("utf-8", "replace")
    if state["ExitCode"]:
        raise CommandFailed(
            f"What was to be run in the image failed, so nothing was changed. It says:\n{log.strip()}",
            output=log,
            code=state["ExitCode"],
        )


def _archive(daemon: Daemon, container: str, path: str) -> Iterator[bytes]:
    errors = importlib.import_module("docker.errors")
    try:
        with daemon.telling(f"hand over {path}"):
            chunks, _ = daemon.api.get_archive(container, path)
            parts, size = [], 0
            for chunk in chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > _LONGEST:
                    raise CommandFailed(f"{path} of the image is too large to be looked into.")
    except CommandFailed as error:
        if isinstance(error.__cause__, errors.NotFound):
            return
        raise
    yield b"".join(parts)
