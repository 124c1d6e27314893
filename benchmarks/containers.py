"""How long a changed package takes in a container, beside a full rebuild; and a session, beside its bare server."""

import os
import socket
import statistics
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from _figures import Figure, show

from trailmark import wiring
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image, Origin
from trailmark.engines.tool_layer import PREFIX, tool_layer
from trailmark.engines.trust import find_trust
from trailmark.environments.bases.catalogue import own_folder
from trailmark.environments.bases.model import Base, LocalImage
from trailmark.environments.model import parse_lock
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import PYTHON, recipe_of
from trailmark.progress import NullProgress
from trailmark.projects.image import build_image
from trailmark.projects.manifest import edit_manifest
from trailmark.projects.new import new_project
from trailmark.sessions.launch import launch
from trailmark.sessions.stop import stop
from trailmark.testing.inside import run_inside
from trailmark.wiring import Services

BASE = "trailmark-test-bookworm"
BASE_TEXT = f"""
id = "bench"
revision = 1
title = "Bench"
description = "A small Debian."
[image]
local = "{BASE}"
[languages]
python = "3.11"
"""
WANTED = (
    "ipykernel",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "flask",
    "sqlalchemy",
    "requests",
    "nbformat",
    "aiohttp",
)
ROUNDS = 3
CHANGE_GOAL = 0.3
SESSION_GOAL = 1.0


class Bench:
    """An engine with the base, and a home of its own."""

    def __init__(self, services: Services, engine: DockerEngine, folder: Path) -> None:
        self.services = services
        self.engine = engine
        self.folder = folder

    def lock(self, six: str) -> WholeLock:
        """Return a lock of many packages, with one version of six."""
        asked = "\n".join([*WANTED, f"six=={six}"])
        command = ["pip", "compile", "-", "--format", "pylock.toml", "--python-version", "3.11", "--quiet"]
        text = self.services.uv.run(command, input=asked).require("uv resolved nothing").stdout
        base = Base("bench", 1, "Bench", "", LocalImage(BASE))
        return WholeLock(parse_lock(text, ">=3.11"), ">=3.11", base=base)

    def build(self, lock: WholeLock, origin: Origin = "built") -> tuple[float, Image]:
        """Return how long it takes until a kernel's Python can import what was asked for, and the image."""
        trust, progress = find_trust(os.environ), NullProgress()
        begun = time.perf_counter()
        recipe = recipe_of(lock, {}, tool_layer())
        if origin == "proof":
            uv = Path(self.services.uv.program).read_bytes()
            image = self.engine.images.build(
                recipe, lock.digest, progress, trust=trust, programs={"uv": uv}, origin=origin
            )
        else:
            image = build_image(self.engine, recipe, lock.digest, self.services.means, progress, trust=trust)
        done = run_inside(
            self.engine.daemon, image.reference, [f"{PYTHON}/bin/python", "-c", "import six, ipykernel"]
        )
        assert done.ok, done.stderr
        return time.perf_counter() - begun, image

    def session(self) -> tuple[float, Image]:
        """Return the median seconds from `launch` to an answer with the image there, and that image."""
        own_folder(self.folder).mkdir(parents=True)
        (own_folder(self.folder) / "bench.toml").write_text(BASE_TEXT, encoding="utf-8")
        project = new_project("bench", self.services.settings)
        project.manifest_path.write_text(
            edit_manifest(project.manifest_text(), base="bench"), encoding="utf-8"
        )
        engines, times = self.services.engine_named("docker"), []
        for _ in range(ROUNDS + 1):
            begun = time.perf_counter()
            session = launch(
                project, engines, self.services.uv, NullProgress(), managers=self.services.managers
            )
            times.append(time.perf_counter() - begun)
            stop(project, self.services.engine)
        image = self.engine.images.find(session.environment or "")
        assert image is not None
        return statistics.median(times[1:]), image

    def bare(self, image: Image) -> float:
        """Return the median seconds from starting the same server alone in the same image to its answer."""
        return statistics.median(self._bare_once(image) for _ in range(ROUNDS))

    def _bare_once(self, image: Image) -> float:
        api = self.engine.daemon.api
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            f"{PREFIX}/bin/python",
            "-m",
            "jupyterlab",
            "--allow-root",
            "--no-browser",
            "--IdentityProvider.token=x",
        ]
        command += [f"--port={port}", f"--ip={self.engine.listen_address}"]
        bindings = {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
        order = {
            "Image": image.reference,
            "Cmd": command,
            "ExposedPorts": {f"{port}/tcp": {}},
            "HostConfig": {"PortBindings": bindings, "NetworkMode": self.engine.daemon.network},
        }
        begun = time.perf_counter()
        made = api.create_container_from_config(order)["Id"]
        try:
            api.start(made)
            _wait(f"http://127.0.0.1:{port}/api/status?token=x")
            return time.perf_counter() - begun
        finally:
            api.remove_container(made, force=True)


def _wait(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{address} does not answer")


def main() -> int:
    """Print the figures; return 1 when a goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["TRAILMARK_HOME"] = name
        services = wiring.build(os.environ)
        engine = services.containers_named("docker")
        assert engine is not None
        bench = Bench(services, engine, Path(name))
        one, other = bench.lock("1.16.0"), bench.lock("1.17.0")
        try:
            full, _ = bench.build(one, "proof")
            bench.build(one)
            changed, _ = bench.build(other)
            session, image = bench.session()
            bare = bench.bare(image)
        finally:
            engine.images.remove(one.digest, "proof")
            for lock in (one, other):
                engine.images.remove(lock.digest)
        return show(
            [
                Figure("packages in the environment", len(one.packages), ""),
                Figure("full rebuild, without caches", full, "s"),
                Figure("one package changed", changed, "s"),
                Figure("one package changed, of a full rebuild", changed / full, "", at_most=CHANGE_GOAL),
                Figure("bare server in the image (median)", bare, "s"),
                Figure("session in the image (median)", session, "s"),
                Figure("session, over its bare server", session - bare, "s", at_most=SESSION_GOAL),
            ]
        )


if __name__ == "__main__":
    raise SystemExit(main())
