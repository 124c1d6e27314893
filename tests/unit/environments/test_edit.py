import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.environments.edit import add, package_name, remove, with_python
from trailmark.environments.model import EnvironmentRequest
from trailmark.errors import InvalidInput, NotFound

REQUEST = EnvironmentRequest(">=3.11", ("numpy", "Scikit_Learn>=1", "pandas"))


def test_add_puts_a_new_package_last() -> None:
    assert add(REQUEST, " pandas-flavor==0.6 ").packages == (*REQUEST.packages, "pandas-flavor==0.6")


def test_add_replaces_the_same_package_where_it_stands() -> None:
    assert add(REQUEST, "scikit-learn==1.5").packages == ("numpy", "scikit-learn==1.5", "pandas")
    assert add(REQUEST, "pandas==2.1").packages == ("numpy", "Scikit_Learn>=1", "pandas==2.1")


def test_add_replaces_all_lines_of_a_package() -> None:
    split = EnvironmentRequest(packages=("a", "b<1; os_name == 'nt'", "b>1; os_name != 'nt'", "c"))
    assert add(split, "b").packages == ("a", "b", "c")


def test_remove_goes_by_the_normalised_name() -> None:
    assert remove(REQUEST, "SCIKIT.learn").packages == ("numpy", "pandas")


def test_remove_of_what_was_not_asked_for_says_what_was() -> None:
    with pytest.raises(NotFound, match="numpy, pandas, scikit-learn"):
        remove(REQUEST, "scipy")


@pytest.mark.parametrize("text", ["", "not a package!", "--help", "pandas=2"])
def test_what_is_no_package_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        add(REQUEST, text)


def test_python_can_be_changed() -> None:
    assert with_python(REQUEST, " ==3.12.* ").python == "==3.12.*"
    with pytest.raises(InvalidInput):
        with_python(REQUEST, " ")
    with pytest.raises(InvalidInput):
        with_python(REQUEST, "3.12")


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,6}([-_.][A-Za-z0-9]{1,4})?", fullmatch=True)


@given(st.lists(NAMES, max_size=6), NAMES)
def test_add_then_remove_leaves_only_the_others(names: list[str], name: str) -> None:
    request = EnvironmentRequest()
    for one in names:
        request = add(request, one)
    added = add(request, f"{name}>=1")
    assert [package_name(text) for text in added.packages].count(package_name(name)) == 1
    expected = tuple(text for text in request.packages if package_name(text) != package_name(name))
    assert remove(added, name).packages == expected
    assert add(added, f"{name}>=1") == added
