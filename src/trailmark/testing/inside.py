"""Run one program in an image to its end, and return what it said: for looking into what was built."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from pathlib import Path

from trailmark.engines.confined import confinement
from trailmark.engines.daemon import Daemon
from trailmark.engines.leftovers import PASSING
from trailmark.engines.model import Mount, SessionSpec
from trailmark.errors import CommandFailed, NotFound
from trailmark.process import Completed

_ID = "inside"


def run_inside(
    daemon: Daemon, image: str, argv: Sequence[str], *, mounts: Sequence[Mount] = (), timeout: float = 600.0
) -> Completed:
    """Run a program in an image as root without any privilege or network, and remove every trace of the run.

    Each mount has a source.

    A program that is not there has not ended well. Raises NotFound when there is no such image, CommandFailed when
    there is no end in time.
    """
    spec = SessionSpec(_ID, tuple(argv), {}, Path("/"), image=image, mounts=tuple(mounts))
    errors = importlib.import_module("docker.errors")
    timed_out = importlib.import_module("requests").exceptions
    api = daemon.api
    with daemon.telling(f"run {argv[0]} in {image}"):
        try:
            made = api.create_container_from_config(
                {
                    "Image": image,
                    "Entrypoint": list(argv),
                    "User": "0:0",
                    "Labels": {PASSING: ""},
                    **confinement(spec, "none", Path("/dev/null")),
                }
            )["Id"]
        except errors.NotFound as error:
            raise NotFound(f"The image {image} is not on this machine.") from error
        try:
            api.start(made)
            code = int(api.wait(made, timeout=timeout)["StatusCode"])
            said, complained = (api.logs(made, stdout=out, stderr=not out) for out in (True, False))
        except (timed_out.ReadTimeout, timed_out.ConnectionError) as error:
            raise CommandFailed(
                f"{argv[0]} had no answer after {timeout:g} seconds and was stopped."
            ) from error
        finally:
            with contextlib.suppress(errors.NotFound):
                api.remove_container(made, force=True, v=True)
    return Completed(code, said.decode("utf-8", "replace"), complained.decode("utf-8", "replace"))
