import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from trailmark_capture.files import EXCLUDE_VARIABLE, LOG_VARIABLE, find_shim
from trailmark_capture.files.log import Access, accesses

Traced = Callable[..., list[tuple[str, str]]]


@pytest.fixture(scope="session")
def shim() -> str:
    """The shim, built with the package."""
    found = find_shim()
    if found is None:
        pytest.skip("the shim was not built: there is no C compiler, or this is no Linux")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a traced program runs: a folder whose path holds no symbolic link."""
    path = tmp_path.resolve() / "work"
    path.mkdir()
    return path


def read_log(log: Path, folder: Path) -> list[tuple[str, str]]:
    """Return operation and path of each access below a folder, with paths relative to it."""
    found, _ = accesses(log, 0, 0, float("inf"))
    inside = [access for access in found if access.path.startswith(f"{folder}/")]
    return [(access.op, _named(access, folder)) for access in inside]


def _named(access: Access, folder: Path) -> str:
    name = access.path[len(str(folder)) + 1 :]
    return name if access.to is None else f"{name} -> {os.path.relpath(access.to, folder)}"


@pytest.fixture
def traced(shim: str, folder: Path, tmp_path: Path) -> Traced:
    """Run a program with the shim; return what it noted of the folder that the program ran in."""

    def run(
        argv: Sequence[str], *, env: Mapping[str, str] | None = None, code: int = 0, **options: object
    ) -> object:
        log = tmp_path / "files.log"
        log.unlink(missing_ok=True)
        environ = {
            **os.environ,
            "LD_PRELOAD": shim,
            LOG_VARIABLE: str(log),
            EXCLUDE_VARIABLE: "/usr",
            **(env or {}),
        }
        done = subprocess.run(
            argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False, **options
        )
        assert done.returncode == code, done.stderr
        assert done.stderr == "" or code
        return read_log(log, folder)

    return run
