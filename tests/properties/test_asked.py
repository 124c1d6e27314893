"""What was asked for when an environment was locked: written the same each time, read back as it was, or refused."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark.environments.managers.model import Wanted
from trailmark.environments.whole.asked import Asked, parse_asked, plain, render_asked
from trailmark.errors import Damaged

MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
NAMES = st.lists(
    st.sampled_from(["alpha", "beta>=1", "gamma[x] ; sys_platform == 'win32'", "d @ https://e.org/d.whl"])
)
WANTED = st.builds(
    Wanted,
    st.lists(WORDS, max_size=4).map(tuple),
    st.lists(WORDS, max_size=2).map(tuple),
    st.sampled_from([None, "2024-05-01"]),
    st.none() | WORDS,
)
ASKED = st.builds(
    lambda python, pip, others, base, snippets: Asked(
        python,
        {name: plain(name, one) for name, one in {"pip": Wanted(tuple(pip)), **others}.items()},
        base,
        snippets,
    ),
    WORDS,
    NAMES,
    st.dictionaries(st.sampled_from(["conda", "apt", "r"]), WANTED),
    st.none() | WORDS,
    st.dictionaries(WORDS, WORDS, max_size=3),
)
GOOD = render_asked(
    Asked(">=3.11", {"pip": Wanted(("alpha",)), "conda": Wanted(("gdal",), ("x",))}, "0" * 64, {"10-a": "1"})
)


@MANY
@given(ASKED)
def test_it_is_read_back_as_it_was(asked):
    text = render_asked(asked)
    assert parse_asked(text) == asked
    assert render_asked(parse_asked(text)) == text


@MANY
@given(NAMES, st.randoms())
def test_order_makes_no_difference(names, random):
    other = random.sample(names, len(names))
    assert plain("pip", Wanted(tuple(names))) == plain("pip", Wanted(tuple(other)))


@MANY
@given(st.integers(0, len(GOOD)), st.text(alphabet='[]{}="#\n.,x1<>', max_size=8), st.integers(0, 12))
def test_a_file_that_was_changed_is_read_or_refused(place, put, cut):
    try:
        parse_asked(GOOD[:place] + put + GOOD[place + cut :])
    except Damaged:
        return
