import os
from pathlib import Path

import pytest

from trailmark.environments.interpreter import Interpreter, own_interpreter
from trailmark.environments.uv import Uv, find_uv
from trailmark.testing.wheels import offline, write_index


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("index") / "wheels")


@pytest.fixture(scope="session")
def uv(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Uv:
    return find_uv(offline(index, tmp_path_factory.mktemp("cache"), os.environ))


@pytest.fixture(scope="session")
def python() -> Interpreter:
    return own_interpreter()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
