"""A base's download in a real image: fetched, compared with its hash, installed."""

import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.engines.recipe import Recipe
from trailmark.environments.bases.model import Download
from trailmark.environments.whole.downloads import download_layer
from trailmark.errors import CommandFailed
from trailmark.progress import NullProgress
from trailmark.testing.inside import run_inside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.needs("dpkg-deb")]
CONTROL = "Package: hello-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: Ada\nDescription: Says hello\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one program."""
    tree = tmp_path / "tree"
    for name, text in (("DEBIAN/control", CONTROL), ("usr/bin/hello-tool", "#!/bin/sh\necho hello\n")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "usr/bin/hello-tool").chmod(0o755)
    shutil.rmtree(tmp_path / "served", ignore_errors=True)
    (tmp_path / "served").mkdir()
    made = tmp_path / "served" / "hello.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(made)], check=True)
    return made


@pytest.fixture
def address(docker: Daemon, package: Path) -> Iterator[str]:
    # A build reaches this machine at the gateway of its network.
    [network] = docker.api.inspect_network("bridge")["IPAM"]["Config"]
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(package.parent))
    server = http.server.ThreadingHTTPServer((network["Gateway"], 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{network['Gateway']}:{server.server_port}/{package.name}"
    server.shutdown()
    server.server_close()


def test_a_download_is_installed_and_another_file_in_its_place_is_not(
    docker: Daemon, package: Path, address: str
) -> None:
    images = Images(docker)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    good, bad = (Download("hello-tool", address, each, "deb") for each in (digest, "b" * 64))
    image = images.build(Recipe(BASE, (download_layer(1, good),)), digest, NullProgress())
    assert run_inside(docker, image.reference, ["/usr/bin/hello-tool"]).stdout.strip() == "hello"
    other = hashlib.sha256(b"bad" + digest.encode()).hexdigest()
    docker.api.remove_image(image.reference, force=True)
    with pytest.raises(CommandFailed):
        images.build(Recipe(BASE, (download_layer(1, bad),)), other, NullProgress())
