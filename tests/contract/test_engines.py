from collections.abc import Iterator
from pathlib import Path

import pytest

from trailmark.engines import Engine, LocalEngine, MemoryEngine
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
