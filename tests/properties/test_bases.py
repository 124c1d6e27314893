"""Whatever stands in the file of a base: it is read, or refused with one clear sentence."""

import hashlib
import tomllib

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark.environments.bases.read import parse_base
from trailmark.environments.bases.render import content_digest, render_base
from trailmark.errors import InvalidInput

MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DIGEST = hashlib.sha256(b"RUN a \\\n  b\n").hexdigest()
GOOD = {
    "id": "b",
    "revision": 1,
    "title": "B",
    "image": {"reference": "debian:12", "digest": "sha256:" + "0" * 64},
    "languages": {"python": "3.12"},
    "tools": ["jupyterlab"],
    "managers": {
        "pip": {"packages": ["numpy>=1"], "preinstalled": ["pip 24"]},
        "apt": {"packages": ["libgdal-dev"]},
        "r": {"snapshot": "2024-05-01", "packages": ["ggplot2"], "channels": ["https://a.b/{snapshot}"]},
        "conda": {"channels": ["conda-forge"]},
    },
    "downloads": [{"name": "x", "url": "https://a.b/c.deb", "sha256": "0" * 64}],
    "snippets": [
        {"name": "10-x", "text": "ENV A=1\n"},
        {"name": "20-y", "text": "RUN a \\\n  b\n", "sha256": DIGEST},
    ],
    "gpu": {"cuda": "12.4", "required": False},
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALAR = st.one_of(TEXT, st.integers(), st.booleans(), st.floats(allow_nan=False), st.dates())
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


def places(value, path=()):
    """Yield where something stands in nested tables and lists."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def put(value, path, new):
    """Return nested tables with something else at one place; None takes it out."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and new is None:
        del copy[path[0]]
    else:
        copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


@MANY
@given(st.sampled_from(sorted(places(GOOD), key=str)), st.one_of(st.none(), VALUE))
def test_one_field_is_anything(path, value):
    changed = put(GOOD, path, value)
    try:
        text = tomlkit.dumps(changed)
        assert tomllib.loads(text) is not None
    except Exception:
        return
    holds_or_says_why(text)


@MANY
@given(st.one_of(TEXT, st.text(alphabet='[]{}="#\n.,x1', max_size=80)))
def test_the_file_is_anything(text):
    holds_or_says_why(text)


@MANY
@given(st.data())
def test_a_file_is_cut_or_has_other_letters(data):
    text = tomlkit.dumps(GOOD)
    at = data.draw(st.integers(0, len(text)))
    holds_or_says_why(text[:at] + data.draw(TEXT) + text[at + data.draw(st.integers(0, 30)) :])


def holds_or_says_why(text):
    base, refusal = read(text)
    assert len(refusal) < 3000
    if base is not None:
        again = parse_base(render_base(base), "again")
        assert again == base
        assert content_digest(again) == content_digest(base)


def read(text):
    try:
        return parse_base(text, "b.toml"), ""
    except InvalidInput as error:
        return None, str(error)
