import os
from pathlib import Path

import pytest

from trailmark.environments.interpreter import find_interpreter, list_interpreters, own_interpreter
from trailmark.environments.uv import Uv, find_uv
from trailmark.errors import InvalidInput, Unavailable


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Uv:
    """A machine whose uv knows one Python more than ours, with two more of pyenv's."""
    known = (
        '[{"implementation": "cpython", "version": "3.99.1", "path": "/opt/python3.99"},'
        ' {"implementation": "cpython", "version": "3.98.1", "path": "/opt/python3.98t", "variant": "freethreaded"},'
        ' {"implementation": "pypy", "version": "3.97.1", "path": "/opt/pypy"}]'
    )
    program = _program(tmp_path / "uv", f"echo '{known}'")
    for version in ("3.7.9", "3.96.0"):
        _program(tmp_path / "pyenv" / "versions" / version / "bin" / "python3", f"echo {version}")
    _program(tmp_path / "pyenv" / "versions" / "myproject" / "bin" / "python3", "echo 3.95.0")
    return Uv(
        str(program), {"PYENV_ROOT": str(tmp_path / "pyenv"), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    )


def test_the_python_below_trailmark_is_preferred(machine: Uv) -> None:
    own = own_interpreter()
    assert find_interpreter(">=3.11", uv=machine) == own
    assert own.path.exists()
    assert own.version.startswith(own.minor + ".")
    assert find_interpreter(">=3.0", f"=={own.minor}.*", uv=Uv("never-asked", {})) == own


def test_otherwise_the_newest_that_fits_all(machine: Uv) -> None:
    assert str(find_interpreter(">=3.90", uv=machine).path) == "/opt/python3.99"
    assert find_interpreter(">=3.90", "<3.99", uv=machine).version == "3.96.0"
    assert find_interpreter("==3.7.*", uv=machine).version == "3.7.9"


def test_when_none_fits_those_found_are_listed(machine: Uv) -> None:
    with pytest.raises(Unavailable, match=r"3\.99\.1") as caught:
        find_interpreter("==3.50.*", uv=machine)
    assert own_interpreter().version in str(caught.value)
    assert "3.98.1" not in str(caught.value)
    with pytest.raises(InvalidInput):
        find_interpreter("3.11", uv=machine)


def test_they_are_listed_once_each_newest_first(machine: Uv) -> None:
    versions = [one.version for one in list_interpreters(machine)]
    assert versions == ["3.99.1", "3.96.0", own_interpreter().version, "3.7.9"]


def test_a_uv_that_cannot_tell_leaves_our_own(tmp_path: Path) -> None:
    broken = Uv(str(_program(tmp_path / "uv", "exit 2")), {"HOME": str(tmp_path)})
    assert [one.version for one in list_interpreters(broken)] == [own_interpreter().version]


def test_uv_runs_free_of_what_the_shell_had_set() -> None:
    uv = find_uv(
        {"VIRTUAL_ENV": "/x", "UV_NO_VERIFY_HASHES": "1", "UV_INDEX_URL": "mirror", "PATH": os.defpath}
    )
    assert uv.environ["UV_INDEX_URL"] == "mirror"
    assert "VIRTUAL_ENV" not in uv.environ
    assert "UV_NO_VERIFY_HASHES" not in uv.environ
    assert uv.environ["UV_PYTHON_DOWNLOADS"] == "never"
    assert "mirror" not in repr(uv)
    assert uv.run(["--version"]).stdout.startswith("uv ")
