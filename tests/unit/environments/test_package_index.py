"""What the index behind uv has, and telling that it has nothing from its not answering."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trailmark.environments.interpreter import Interpreter
from trailmark.environments.package_index import ask_index, list_versions, newest_versions
from trailmark.environments.uv import Uv, find_uv
from trailmark.errors import CommandFailed, Unavailable
from trailmark.testing.archives import make_tar
from trailmark.testing.dated_index import DatedFiles, only_index, serve_index
from trailmark.testing.wheels import write_wheel

SETUP = 'open({!r}, "w").close()\nfrom setuptools import setup\nsetup(name="evil", version="1.0")\n'


@pytest.fixture
def files(tmp_path: Path) -> DatedFiles:
    """An index of wheels, and of a source that leaves a mark when any of it is run."""
    folder = tmp_path / "files"
    found = DatedFiles(folder)
    for version in ("1.0", "1.9", "1.10", "2.0rc1"):
        found.publish(write_wheel(folder, "alpha", version), None)
    content = {"evil-1.0/setup.py": SETUP.format(str(tmp_path / "run")), "evil-1.0/PKG-INFO": "Name: evil\n"}
    source = folder / "evil-1.0.tar.gz"
    source.write_bytes(make_tar(content))
    found.publish(source, None)
    return found


@pytest.fixture
def served(files: DatedFiles, tmp_path: Path) -> Iterator[Uv]:
    with serve_index(files) as address:
        yield find_uv(only_index(address, tmp_path / "uv", os.environ))


@pytest.fixture
def silent(tmp_path: Path) -> Uv:
    environ = {
        **only_index("http://127.0.0.1:9/simple", tmp_path / "silent", os.environ),
        "UV_HTTP_RETRIES": "0",
    }
    return find_uv(environ)


def test_what_the_index_does_not_have_is_told_from_what_it_was_not_asked(
    served: Uv, silent: Uv, python: Interpreter
) -> None:
    names = ["alpha", "no-such-thing", "nor-this", "evil"]
    assert newest_versions(names, python, served) == {
        "alpha": "1.10", "no-such-thing": None, "nor-this": None, "evil": "1.0",
    }  # fmt: skip
    assert newest_versions(names, python, silent) == {}
    assert newest_versions([], python, silent) == {}
    assert not ask_index(["alpha"], python, silent).was_reached
    answer = ask_index(["alpha>9"], python, served)
    assert (answer.was_reached, dict(answer.pins), "alpha>9" in answer.reason) == (True, {}, True)


def test_an_index_that_takes_too_long_could_not_be_asked(served: Uv, python: Interpreter) -> None:
    assert newest_versions(["alpha"], python, served, patience=0.001) == {}
    with pytest.raises(CommandFailed):
        ask_index(["alpha"], python, served, patience=0.001)


def test_versions_are_listed_newest_first(served: Uv, silent: Uv, python: Interpreter) -> None:
    assert list_versions("alpha", python, served, 20) == ["1.10", "1.9", "1.0"]
    assert list_versions("alpha", python, served, 2) == ["1.10", "1.9"]
    assert list_versions("no-such-thing", python, served, 20) == []
    with pytest.raises(Unavailable, match="cannot be asked"):
        list_versions("alpha", python, silent, 20)


def test_no_code_of_a_package_is_run(served: Uv, python: Interpreter, tmp_path: Path) -> None:
    assert list_versions("evil", python, served, 20) == ["1.0"]
    assert not (tmp_path / "run").exists()
