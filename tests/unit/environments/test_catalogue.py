from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import complete, known_names, newest
from trailmark.environments.detect.distributions import distributions
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.uv import Uv
from trailmark.testing.wheels import offline, write_wheel


def test_the_list_is_in_order_and_normal() -> None:
    names = known_names()
    assert len(names) > 1500
    assert list(names) == sorted(set(names))
    assert all(name == canonicalize_name(name) for name in names)
    assert {"numpy", "pandas", "scikit-learn", "matplotlib", "astropy", "biopython", "xarray"} <= set(names)


def test_names_are_completed_shortest_first() -> None:
    assert complete("numpy")[0] == "numpy"
    assert complete("Scikit_L")[0] == "scikit-learn"
    assert complete("panda", 3) == ("pandas", "pandera", "pandana") or complete("panda", 3)[0] == "pandas"
    assert len(complete("py", 7)) == 7
    assert complete("learn")[0].find("learn") >= 0


@pytest.mark.parametrize("prefix", ["", "  ", "no-such-name-at-all", "../..", "%"])
def test_nothing_known_gives_nothing(prefix: str) -> None:
    assert complete(prefix) == ()
    assert complete("numpy", 0) == ()


def test_modules_are_mapped_to_normalised_parts() -> None:
    for module, package in distributions().python.items():
        assert module.replace("_", "").replace(".", "").isalnum(), module
        assert canonicalize_name(package), package


def test_the_newest_version_is_asked_for_once_an_hour(
    uv: Uv, python: Interpreter, home: Path, tmp_path: Path
) -> None:
    index = tmp_path / "wheels"
    write_wheel(index, "alpha", "1.0")
    own = Uv(uv.program, offline(index, tmp_path / "cache", uv.environ))
    facts = {"home": home, "python": python, "uv": own}
    assert newest("Alpha", now=1000.0, **facts) == "1.0"
    assert newest("no-such-thing", now=1000.0, **facts) is None
    write_wheel(index, "alpha", "2.0")
    assert newest("alpha", now=4000.0, **facts) == "1.0"
    assert newest("alpha", now=5000.0, **facts) == "2.0"
    (home / "cache" / "newest.json").write_text("{")
    assert newest("alpha", now=5000.0, **facts) == "2.0"


@pytest.mark.parametrize("name", ["", "two words", "-r x", "--index-url=x"])
def test_what_is_no_name_is_not_asked_for(name: str, home: Path, python: Interpreter) -> None:
    assert newest(name, home=home, python=python, uv=Uv("never-asked", {})) is None
    assert not home.exists()


def test_an_address_in_place_of_a_name_is_not_followed(home: Path, python: Interpreter) -> None:
    uv = Uv("false", {})
    assert newest("alpha @ https://example.org/x.whl", home=home, python=python, uv=uv) is None
