"""The command line called as a person or program would, within this process."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trailmark.cli import program


@dataclass(frozen=True)
class Answer:
    """What one call came to."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(settings, capfd) -> Call:
    """Call the command line in a fresh home: `call("new", "rain", "--json").value`."""

    def run(*arguments: str, folder: Path = settings.home, **environ: str) -> Answer:
        code = program.run(arguments, {**os.environ, **environ}, folder)
        said = capfd.readouterr()
        return Answer(code, said.out, said.err)

    return run


@pytest.fixture
def rain(call) -> Path:
    """A project named rain."""
    return Path(call("new", "rain", "--json").value["path"])
