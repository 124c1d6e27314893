"""What an image held when it was first built is in the trail: a rebuild elsewhere is compared with that."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from docker.errors import NotFound
from tests.containers import BASE

from trailmark.cli import program
from trailmark.engines.daemon import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
BASE_TEXT = """
id = "bookworm"
revision = 1
title = "Bookworm"
[image]
local = "{}"
[languages]
python = "3.11"
[managers.pip]
packages = ["six"]
"""


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """An engine that the command line finds."""
    daemon: Daemon = request.getfixturevalue(request.param)
    monkeypatch.setenv("DOCKER_HOST", daemon.address)
    return daemon


@pytest.fixture
def base(engine: Daemon) -> Iterator[str]:
    """A base of this test's own."""
    name = f"trailmark-test-first-{uuid.uuid4().hex[:8]}"
    engine.api.tag(BASE, name)
    yield name
    engine.api.remove_image(name, force=True)


def plant(engine: Daemon, base: str) -> None:
    """Make the base another: it has one file more."""
    container = engine.api.create_container(BASE, ["sh", "-c", "echo x > /etc/planted"], user="0:0")["Id"]
    engine.api.start(container)
    assert engine.api.wait(container)["StatusCode"] == 0
    engine.api.commit(container, base, "latest")
    engine.api.remove_container(container)


def test_a_rebuild_is_compared_with_the_first_image_where_that_is_not(
    settings, capfd, engine: Daemon, base: str
):
    home = settings.home
    (home / "bases").mkdir()
    (home / "bases" / "bookworm.toml").write_text(BASE_TEXT.format(base))

    def trail(*arguments: str) -> Any:
        capfd.readouterr()
        program.run([*arguments, "--json"], os.environ, home)
        said = capfd.readouterr()
        assert said.out, said.err
        return json.loads(said.out)

    def verify() -> tuple[str | None, dict[str, str], Any]:
        proof = trail("-C", "field", "env", "verify", "--engine", engine.kind)
        assert proof["ok"] == (not proof["differences"])
        # podman notes in an image of a container that it was one of its own.
        found = {
            one["what"]: one["cause"] for one in proof["differences"] if "setting" not in json.dumps(one)
        }
        return proof["image"], found, proof["supplied"]

    trail("new", "field", "--base", "bookworm")
    built = trail("-C", "field", "env", "build", "--engine", engine.kind)["built"]
    try:
        image, found, supplied = verify()
        assert (image, found) == (built, {})
        assert any("the base" in one and base in one for one in supplied)
        engine.api.remove_image(built, force=True)
        assert verify()[:2] == (None, {})
        plant(engine, base)
        assert verify()[:2] == (None, {"/etc/planted": "not as it was when it was first built"})
        trail("-C", "field", "env", "build", "--engine", engine.kind)
        engine.api.tag(BASE, base, force=True)
        image, found, _ = verify()
        assert image == built
        assert found == {
            "base": "the base is another image",
            "/etc/planted": "it is not in the rebuilt image",
        }
    finally:
        with contextlib.suppress(NotFound):
            engine.api.remove_image(built, force=True)
