from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines import Engine, LocalEngine, MemoryEngine
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.testing.engine_contract import EngineContract


class TestLocalEngine(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = LocalEngine(tmp_path / "home", grace_seconds=3)
        yield engine
        for state in engine.list():
            engine.stop(state.id)


class TestMemoryEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine()


class _Containers(EngineContract):
    @pytest.fixture
    def image(self) -> str:
        return BASE

    @pytest.fixture
    def engine(self, tmp_path: Path, daemon: Daemon) -> Iterator[Engine]:
        engine = DockerEngine(tmp_path / "home", daemon, grace_seconds=2)
        yield engine
        for state in engine.list():
            engine.stop(state.id)
            engine.forget(state.id)


class TestDocker(_Containers):
    @pytest.fixture
    def daemon(self, docker: Daemon) -> Daemon:
        return docker


class TestDockerForSomebodyElseThanRoot(_Containers):
    @pytest.fixture
    def daemon(self, docker: Daemon, tmp_path: Path) -> Daemon:
        tmp_path.chmod(0o777)
        daemon = Daemon(docker.address, docker.kind)
        daemon.__dict__["user"] = "1234:1235"
        return daemon


class TestPodman(_Containers):
    @pytest.fixture
    def daemon(self, podman: Daemon) -> Daemon:
        return podman
