"""What nothing uses any more in Docker and podman: found, removed, and nothing else touched."""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines import SessionSpec
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image
from trailmark.engines.leftovers import PASSING, ended_containers
from trailmark.engines.recipe import Layer, Recipe
from trailmark.progress import NullProgress
from trailmark.projects.environment import LOCK_PATH, current_lock
from trailmark.projects.new import new_project
from trailmark.projects.used import note_use
from trailmark.sessions.clean import Found, find_unused, remove_unused
from trailmark.settings import Settings

OLD = 40 * 86400.0
LATER = 7200.0
Make = Callable[..., Image]


def names(found: Found) -> set[str]:
    return {item.name for item in found.items}


class _Cleaned:
    @pytest.fixture
    def engine(self, settings: Settings, daemon: Daemon) -> Iterator[DockerEngine]:
        engine = DockerEngine(settings.home, daemon, grace_seconds=1)
        yield engine
        for state in engine.list():
            engine.stop(state.id)
            engine.forget(state.id)

    @pytest.fixture
    def make(self, engine: DockerEngine, settings: Settings) -> Iterator[Make]:
        """Make an image that was last used so long ago."""
        digests = []

        def make(digest: str | None = None, unused: float | None = OLD, mark: str = "") -> Image:
            digest = digest or hashlib.sha256(uuid.uuid4().bytes).hexdigest()
            digests.append(digest)
            layer = Layer("one", (f"head -c 300000 /dev/urandom > /opt/{digest}{mark}",))
            image = engine.images.build(Recipe(BASE, (layer,), {"mark": mark}), digest, NullProgress())
            if unused is not None:
                note_use(settings, digest)
                os.utime(settings.home / "used" / digest, (time.time() - unused,) * 2)
            return image

        yield make
        for state in engine.list():
            engine.stop(state.id)
            engine.forget(state.id)
        for digest in digests:
            engine.images.remove(digest)

    def test_images_go_that_this_home_used_long_ago_and_no_project_names(self, engine, make, settings):
        lock = f'lock-version = "1.0"\ncreated-by = "{uuid.uuid4()}"\npackages = []\n'
        project = new_project("work", settings)
        (project.path / LOCK_PATH).parent.mkdir(exist_ok=True)
        (project.path / LOCK_PATH).write_text(lock)
        old = make()
        kept = [make(current_lock(project).digest), make(unused=60.0), make(unused=None)]
        found = find_unused(settings, engine, [engine])
        assert names(found) == {old.reference}
        # podman counts what the unnamed images between have too, which go with it.
        assert found.bytes >= (250_000 if engine.name == "docker" else 1)
        gone = remove_unused(settings, engine, [engine], found.items, NullProgress())
        assert gone == list(found.items)
        assert engine.images.find(old.digest) is None
        assert [engine.images.find(image.digest) for image in kept] == kept

    def test_an_image_that_a_container_runs_in_stays(self, engine, make, settings):
        image = make()
        engine.submit(SessionSpec("01s", ("sleep", "600"), {}, Path("/"), image=image.reference))
        found = find_unused(settings, engine, [engine])
        assert names(found) == {image.reference}
        assert remove_unused(settings, engine, [engine], found.items, NullProgress()) == []
        assert engine.images.find(image.digest) == image

    def test_an_image_that_lost_its_name_goes_when_its_session_has_ended(self, engine, make, settings):
        first = make(mark="first")
        engine.submit(SessionSpec("01s", ("sleep", "600"), {}, Path("/"), image=first.reference))
        second = make(first.digest, unused=60.0, mark="second")
        assert first.id != second.id
        later = time.time() + OLD
        chosen = [
            item for item in find_unused(settings, engine, [engine], now=later).items if item.name == first.id
        ]
        assert [item.kind for item in chosen] == ["unnamed"]
        engine.stop("01s")
        engine.forget("01s")
        assert remove_unused(settings, engine, [engine], chosen, NullProgress(), days=0) == chosen
        assert not engine.images.has(first.id)
        assert engine.images.find(first.digest) == second

    def test_containers_that_were_left_behind_go_and_those_that_run_stay(self, engine, settings, daemon):
        ended, live = made = [
            daemon.api.create_container(BASE, command=command, labels={PASSING: ""})["Id"]
            for command in (["true"], ["sleep", "600"])
        ]
        try:
            daemon.api.start(live)
            for name, argv in (("past", ("true",)), ("present", ("sleep", "600"))):
                engine.submit(SessionSpec(name, argv, {}, Path("/"), image=BASE))
            while engine.inspect("past").is_live:
                time.sleep(0.05)
            every = {ended, live, "past", "present"}
            assert not every & names(find_unused(settings, engine, [engine]))
            found = find_unused(settings, engine, [engine], now=time.time() + LATER)
            assert names(found) & every == {ended, "past"}
            there = {left.id for left in ended_containers(daemon)}
            assert (ended in there, live in there) == (True, False)
        finally:
            for container in made:
                daemon.api.remove_container(container, force=True)


class TestDockerCleaned(_Cleaned):
    @pytest.fixture
    def daemon(self, docker: Daemon) -> Daemon:
        return docker


class TestPodmanCleaned(_Cleaned):
    @pytest.fixture
    def daemon(self, podman: Daemon) -> Daemon:
        return podman
