import pytest
from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import complete, known_names
from trailmark.environments.detect.distributions import distributions


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
