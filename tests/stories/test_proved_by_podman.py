"""An image that podman built is proved by a rebuild without caches, and what was altered in it is found."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from tests.stories.test_container_session import BASE_TEXT

from trailmark.cli import program
from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.environments.bases.catalogue import own_folder
from trailmark.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
Trail = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def trail(
    settings: Settings, podman: Daemon, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Trail:
    """Call the command line on the project `marsh`, which starts from an image that is here."""
    monkeypatch.setenv("DOCKER_HOST", podman.address)
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)

    def call(*arguments: str) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        code = program.run([*arguments, "--json"], os.environ, settings.home)
        said = capfd.readouterr()
        assert said.out, said.err
        return code, json.loads(said.out)

    call("new", "marsh", "--base", "bookworm")
    (settings.home / "hello").write_text("RUN echo marsh > /opt/hello\n")
    call("-C", "marsh", "env", "snippet", "set", "10-hello", "hello")
    return call


def test_a_rebuild_is_equal_and_a_file_that_was_altered_is_named(trail: Trail, podman: Daemon) -> None:
    where = ("--engine", "podman")
    _, built = trail("-C", "marsh", "env", "build", *where)
    try:
        code, proof = trail("-C", "marsh", "env", "verify", *where)
        assert (code, proof["ok"], proof["differences"], proof["engine"]) == (0, True, [], "podman")
        assert trail("-C", "marsh", "env", "show")[1]["state"] == "proved"
        alter(podman, str(built["built"]))
        code, proof = trail("-C", "marsh", "env", "verify", *where)
        assert (code, proof["ok"]) == (1, False)
        assert "/opt/hello" in {one["what"] for one in proof["differences"]}
    finally:
        Images(podman).remove(str(built["digest"]))


def alter(podman: Daemon, image: str) -> None:
    """Change a file of an image by hand, under the same name."""
    api = podman.api
    container = api.create_container(image, ["sh", "-c", "echo mine > /opt/hello"], user="0:0")["Id"]
    api.start(container)
    assert api.wait(container)["StatusCode"] == 0
    repository, tag = image.rsplit(":", 1)
    api.commit(container, repository, tag)
    api.remove_container(container)
