"""What is typed into one field means the packages that a person means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.environments.model import parse_requirement
from trailmark.environments.typed import name_in_progress, split_typed


@pytest.mark.parametrize(("typed", "meant"), [
    ("", ()),
    (" , ", ()),
    ("pandas", ("pandas",)),
    ("pandas matplotlib>=3.9", ("pandas", "matplotlib>=3.9")),
    ("pandas, numpy,scipy\npolars", ("pandas", "numpy", "scipy", "polars")),
    ("numpy>=2,<3", ("numpy>=2,<3",)),
    ("numpy >= 2, < 3, pandas", ("numpy>=2,<3", "pandas")),
    ("numpy!=2.1.*,~=2.0 pandas", ("numpy!=2.1.*,~=2.0", "pandas")),
    ("pandas[excel,html] numpy", ("pandas[excel,html]", "numpy")),
    ("pandas [excel, html] >=2,<3, numpy", ("pandas[excel,html]>=2,<3", "numpy")),
    ("x @ https://host.example/x,1.whl y", ("x @ https://host.example/x,1.whl", "y")),
    ("x@https://host.example/x?a=1 y", ("x @ https://host.example/x?a=1", "y")),
    ("x[a,b] @ git+https://host.example/x@v1", ("x[a,b] @ git+https://host.example/x@v1",)),
    ('tomli>=2; python_version < "3.11"\npandas', ('tomli>=2 ; python_version < "3.11"', "pandas")),
    ("numpy=1.26 r-base=4.3.*", ("numpy=1.26", "r-base=4.3.*")),
    ("libgdal-dev:amd64 g++", ("libgdal-dev:amd64", "g++")),
    ("owner/name@v1.2", ("owner/name@v1.2",)),
    ("] pandas", ("]", "pandas")),
])  # fmt: skip
def test_each_package_is_whole(typed, meant):
    assert split_typed(typed) == meant


@pytest.mark.parametrize(("typed", "name"), [
    ("", ""), ("pan", "pan"), ("pandas, nu", "nu"), ("pandas nu", "nu"), ("pandas ", ""), ("pandas,", ""),
    ("numpy>=2,<3", ""), ("numpy>=2,", ""), ("numpy>=2, <", ""), ("numpy>=2, pan", "pan"), ("pandas[exc", ""),
    ("pandas[excel, ht", ""), ("x @ https://host.example/p", ""), ("numpy >", ""), ("a; python", ""),
])  # fmt: skip
def test_only_a_name_is_completed(typed, name):
    assert name_in_progress(typed) == name


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}[a-z0-9]", fullmatch=True)
LIMITS = st.lists(st.sampled_from([">=1", "<3", "!=2.1.*", "==2.0", "~=1.4"]), max_size=3).map(",".join)
EXTRAS = st.lists(NAMES, max_size=2).map(lambda names: f"[{','.join(names)}]" if names else "")


@given(
    st.lists(st.tuples(NAMES, EXTRAS, LIMITS).map("".join), max_size=4),
    st.sampled_from([" ", ", ", ",", "\n"]),
)
def test_packages_that_are_joined_are_parted_again(packages, between):
    assert split_typed(between.join(packages)) == tuple(packages)
    for one in packages:
        parse_requirement(one)


@given(st.text(alphabet="ab1 ,;@[]<>=!~\n:/", max_size=40))
def test_nothing_that_is_typed_is_lost(text):
    parted = "".join(split_typed(text))
    assert set(parted) >= set(text) - set(" ,;@\n")
    assert name_in_progress(text) in text
