"""The way to a container engine: Docker's interface at a socket, which podman offers too."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from trailmark.errors import CommandFailed, Unavailable
from trailmark_capture.loopback import ADDRESS, OTHER, has_other

KINDS = ("docker", "podman")
_OLDEST = (1, 41)
_CALL_SECONDS = 120
_CONNECT_SECONDS = 5


class Daemon:
    """An engine at an address such as unix:///var/run/docker.sock; spoken to from the first question on.

    `kind` is docker or podman. The machine of an address must be this one: sessions share its folders.
    """

    def __init__(self, address: str, kind: str = "docker") -> None:
        self.address = address
        self.kind = kind

    @cached_property
    def api(self) -> Any:
        """The client of Docker's interface. Raises Unavailable when no engine answers, or one that is too old."""
        docker = importlib.import_module("docker")
        try:
            api = docker.APIClient(base_url=self.address, version="auto", timeout=_CONNECT_SECONDS)
        except docker.errors.DockerException as error:
            raise Unavailable(self._says_nothing()) from error
        if tuple(map(int, api.api_version.split("."))) < _OLDEST:
            raise Unavailable(
                f"The engine at {self.address} is too old (it speaks version {api.api_version}). "
                "Trailmark needs Docker 20.10 or later, or podman 4."
            )
        api.timeout = _CALL_SECONDS
        # The engine is on this machine, whatever proxy the person's environment names.
        api.trust_env = False
        return api

    @cached_property
    def network(self) -> str:
        """The network for sessions and builds: one of their own, or the machine's where the engine has none."""
        with self.telling("list its networks"):
            drivers = {network["Driver"] for network in self.api.networks()}
        return "bridge" if "bridge" in drivers else "host"

    @cached_property
    def user(self) -> str:
        """The user inside that is the person outside: the same ids, or root where the engine is the person's own."""
        return "0:0" if self._is_rootless else f"{os.getuid()}:{os.getgid()}"

    @cached_property
    def published_at(self) -> tuple[str, ...]:
        """The addresses of this machine at which sessions answer; browsers look at ::1 before 127.0.0.1.

        podman takes a port of ::1 without ever answering there, and an engine of the person's own may not be able to.
        """
        both = self.kind == "docker" and not self._is_rootless and has_other()
        return (ADDRESS, OTHER) if both else (ADDRESS,)

    @cached_property
    def machine(self) -> tuple[int, int]:
        """How many processors its machine has, and how many bytes of memory; 0 where it does not say."""
        with self.telling("describe itself"):
            info = self.api.info()
        return info.get("NCPU") or os.cpu_count() or 1, info.get("MemTotal") or 0

    @cached_property
    def _is_rootless(self) -> bool:
        with self.telling("describe itself"):
            options = self.api.info().get("SecurityOptions") or ()
        return any("rootless" in option for option in options)

    @contextlib.contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Turn what the engine refuses, and its silence, into our own errors."""
        requests = importlib.import_module("requests")
        errors = importlib.import_module("docker.errors")
        try:
            yield
        except errors.DockerException as error:
            said = getattr(error, "explanation", None) or str(error)
            raise CommandFailed(f"The engine could not {what}. It says: {said}", output=str(said)) from error
        except requests.exceptions.RequestException as error:
            raise Unavailable(self._says_nothing()) from error

    def _says_nothing(self) -> str:
        return (
            f"No {self.kind} engine answers at {self.address}. What is recorded is intact. Start the engine and "
            "try again, or work with the local engine."
        )


def find_daemon(environ: Mapping[str, str], kind: str = "docker") -> Daemon:
    """Return the engine that DOCKER_HOST names, or the one at a usual place. Raises Unavailable."""
    named = environ.get("DOCKER_HOST", "")
    if named.startswith("unix://") and ("podman" in named) == (kind == "podman"):
        return Daemon(named, kind)
    own = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    places = {
        "docker": ("/var/run/docker.sock", f"{own}/docker.sock"),
        "podman": (f"{own}/podman/podman.sock", "/run/podman/podman.sock"),
    }
    for place in places[kind]:
        if Path(place).is_socket() and os.access(place, os.R_OK | os.W_OK):
            return Daemon(f"unix://{place}", kind)
    raise Unavailable(
        f"There is no {kind} engine on this machine that you may use. Install one (Debian: apt-get install "
        f"{_PACKAGES[kind]}), or work with the local engine."
    )


_PACKAGES = {"docker": "docker.io", "podman": "podman; then systemctl start podman.socket"}
