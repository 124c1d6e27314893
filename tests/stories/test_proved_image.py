"""An image is proved by a rebuild without caches; what was altered in it by hand is found and named."""

import json
import os

import pytest
from tests.containers import BASE

from trailmark.cli import program
from trailmark.engines.contents import read_contents
from trailmark.engines.daemon import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
[image]
local = "{BASE}"
[languages]
python = "3.11"
[managers.pip]
packages = ["six"]
"""
ALTER = 'echo "x = 1" >> /opt/python/lib/python3.11/site-packages/six.py; echo mine > /opt/hello'


@pytest.fixture(params=["docker", "podman"])
def daemon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = request.getfixturevalue(request.param)
    monkeypatch.setenv("DOCKER_HOST", daemon.address)
    return daemon


@pytest.fixture
def trail(settings, daemon: Daemon, capfd):
    """Call the command line on a project that starts from an image which was built here."""
    (settings.home / "bases").mkdir()
    (settings.home / "bases" / "bookworm.toml").write_text(BASE_TEXT)

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        capfd.readouterr()
        code = program.run([*arguments, "--json"], os.environ, settings.home)
        said = capfd.readouterr()
        assert said.out, said.err
        return code, json.loads(said.out)

    run("new", "field", "--base", "bookworm")
    (settings.home / "hello").write_text("RUN echo hello > /opt/hello\n")
    run("-C", "field", "env", "snippet", "set", "10-hello", "hello")
    return run


def test_a_rebuild_is_equal_and_a_file_that_was_altered_is_named(trail, daemon: Daemon):
    where = ("--engine", daemon.kind)
    _, built = trail("-C", "field", "env", "build", *where)
    code, proof = trail("-C", "field", "env", "verify", *where)
    assert (code, proof["ok"], proof["differences"], proof["engine"]) == (0, True, [], daemon.kind)
    assert trail("-C", "field", "env", "show")[1]["state"] == "proved"
    image = str(built["built"])
    alter(daemon, image)
    try:
        code, proof = trail("-C", "field", "env", "verify", *where)
        assert (code, proof["ok"]) == (1, False)
        assert {one["what"]: one["cause"] for one in proof["differences"]} == {
            "/opt/hello": "a file of the system is another",
            "/opt/python/lib/python3.11/site-packages/six.py": "a file of Python's packages is another",
        }
    finally:
        daemon.api.remove_image(image, force=True)


def alter(daemon: Daemon, image: str) -> None:
    """Change files of an image by hand, under the same name."""
    before = read_contents(daemon, image).files
    api = daemon.api
    container = api.create_container(image, ["sh", "-c", ALTER], user="0:0")["Id"]
    api.start(container)
    assert api.wait(container)["StatusCode"] == 0
    repository, tag = image.rsplit(":", 1)
    api.commit(container, repository, tag)
    api.remove_container(container)
    assert before != read_contents(daemon, image).files
