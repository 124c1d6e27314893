"""Going back to an earlier [environment] changes that part of any manifest, and no other fact or comment."""

import tomllib

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark.errors import InvalidInput
from trailmark.projects.manifest_splice import with_environment

NAMES = st.sampled_from(["name", "files", "x y", "apps", "conda", "python", "a.b"])
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text("ab[]#\"'\n=. ", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
ENVIRONMENTS = st.none() | st.dictionaries(NAMES, VALUES, max_size=4)


def written(rest: dict[str, object], environment: dict[str, object] | None, comment: str, first: bool) -> str:
    """The text of a manifest, with its environment first or last, and a comment at its end."""
    ours = {} if environment is None else {"environment": environment}
    return tomlkit.dumps({**ours, **rest} if first else {**rest, **ours}) + comment


@settings(max_examples=1000, deadline=None)
@given(DOCUMENTS, ENVIRONMENTS, DOCUMENTS, ENVIRONMENTS, st.booleans(), st.booleans())
def test_only_the_environment_is_replaced(rest, now, other, then, first, last):
    text, source = written(rest, now, "\n# mine\n", first), written(other, then, "\n# theirs\n", last)
    try:
        changed = with_environment(text, source)
    except InvalidInput:
        return
    value = tomllib.loads(changed)
    assert value.pop("environment", None) == then
    assert value == rest
    if now is None or "[environment]" in text:
        assert "# mine" in changed


@settings(max_examples=1000, deadline=None)
@given(
    st.text("[]environment.=\"'#\n ab{}1,", max_size=60), st.text("[]environment.=\"'#\n ab{}1,", max_size=60)
)
def test_any_text_is_understood_or_refused(text, then):
    try:
        changed = with_environment(text, then)
    except InvalidInput:
        return
    assert tomllib.loads(changed).get("environment") == tomllib.loads(then).get("environment")
