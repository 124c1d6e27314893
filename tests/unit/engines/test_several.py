import json
import shutil
from pathlib import Path

import pytest

from trailmark.engines import LocalEngine, MemoryEngine, SessionSpec
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.several import SeveralEngines
from trailmark.errors import InvalidInput, Unavailable

KINDS = ("docker", "podman")


class Containers:
    """Finds an engine in memory for each kind that answers; what is submitted to one is marked as real ones do."""

    def __init__(self, home: Path, *answering: str) -> None:
        self.home = home
        self.engines = {kind: MemoryEngine() for kind in answering}
        self.asked: list[str] = []

    def __call__(self, kind: str) -> MemoryEngine:
        self.asked.append(kind)
        if kind not in self.engines:
            raise Unavailable(f"no {kind}")
        return self.engines[kind]

    def submit(self, kind: str, session_id: str, **facts) -> None:
        mark(self.home, session_id, kind)
        self.engines[kind].submit(spec(session_id, **facts))


def mark(home: Path, session_id: str, kind: str) -> None:
    (home / "sessions" / session_id).mkdir(parents=True)
    (home / "sessions" / session_id / "container.json").write_text(json.dumps({"kind": kind}))


def spec(session_id: str, **facts) -> SessionSpec:
    return SessionSpec(session_id, ("sleep", "600"), {"PATH": "/usr/bin:/bin"}, Path("/"), **facts)


@pytest.fixture
def containers(tmp_path):
    return Containers(tmp_path, "docker")


@pytest.fixture
def engines(tmp_path, containers):
    engines = SeveralEngines(tmp_path, LocalEngine(tmp_path, grace_seconds=1), KINDS, containers)
    yield engines
    for state in engines.list():
        engines.stop(state.id)


def test_the_local_engine_is_chosen_and_nobody_looks_for_another(engines, containers):
    assert (engines.name, engines.names) == ("local", ("local", "docker", "podman"))
    engines.submit(spec("a"))
    assert engines.inspect("a").is_live
    assert [state.id for state in engines.list()] == ["a"]
    assert engines.inspect("b") is None
    assert engines.containers is None
    assert containers.asked == []


def test_whether_sessions_run_in_images_is_what_the_chosen_engine_says(tmp_path):
    docker = DockerEngine(tmp_path, Daemon("unix:///nowhere.sock"))
    engines = SeveralEngines(tmp_path, LocalEngine(tmp_path), KINDS, lambda _: docker)
    assert engines.on("docker").containers is docker
    assert engines.containers is None


def test_another_engine_is_chosen_by_name(engines, containers):
    docker = engines.on("docker")
    assert docker.name == "docker"
    docker.submit(spec("a"))
    assert containers.engines["docker"].inspect("a").is_live
    assert engines.name == "local"
    with pytest.raises(InvalidInput, match="local, docker, podman"):
        engines.on("cloud")
    with pytest.raises(Unavailable):
        _ = engines.on("podman").chosen


def test_each_session_is_asked_of_its_own_engine(engines, containers):
    engines.submit(spec("a", labels={"project": "p"}))
    containers.submit("docker", "b", labels={"project": "p"})
    assert engines.inspect("b").is_live
    assert {state.id for state in engines.list({"project": "p"})} == {"a", "b"}
    engines.stop("b")
    assert engines.inspect("b").status == "stopped"
    assert engines.inspect("a").is_live
    assert engines.logs("b") == ""
    engines.forget("b")
    assert containers.engines["docker"].inspect("b") is None


def test_a_session_whose_engine_is_silent_may_live(engines, tmp_path):
    mark(tmp_path, "a", "podman")
    state = engines.inspect("a")
    assert (state.is_live, state.is_silent, state.reason) == (True, True, "no podman")
    assert [state.id for state in engines.list()] == ["a"]
    with pytest.raises(Unavailable):
        engines.stop("a")
    (tmp_path / "sessions" / "a" / "container.json").unlink()


def test_a_session_without_a_folder_is_listed_by_an_engine_that_is_used(engines, containers):
    containers.submit("docker", "a", labels={"project": "p"})
    shutil.rmtree(containers.home / "sessions" / "a")
    assert engines.list() == []
    docker = engines.on("docker")
    _ = docker.chosen
    assert [state.id for state in docker.list({"project": "p"})] == ["a"]


def test_a_mark_that_makes_no_sense_is_none(engines, tmp_path):
    for number, text in enumerate(("", "[]", "{}", "no")):
        mark(tmp_path, f"a{number}", "docker")
        (tmp_path / "sessions" / f"a{number}" / "container.json").write_text(text)
        assert engines.inspect(f"a{number}") is None
    with pytest.raises(InvalidInput):
        engines.inspect("../a")
