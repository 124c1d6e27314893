"""Whatever stands in trailmark.toml: it is read, or refused with one clear sentence; edits keep the rest."""

import tomllib

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark.errors import InvalidInput
from trailmark.projects.manifest import edit_manifest, parse_manifest
from trailmark.projects.manifest_environment import parse_size, written_size

MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALAR = st.one_of(TEXT, st.integers(), st.booleans(), st.floats(allow_nan=False), st.dates())
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
PLACES = [
    ("name",), ("description",), ("secrets",), ("environment",), ("files",), ("files", "max_bytes"),
    *(("environment", key) for key in ("base", "python", "packages", "conda", "apt", "r", "resources")),
    *(("environment", name, key) for name in ("conda", "apt", "r") for key in ("packages", "channels", "snapshot")),
    ("environment", "conda", "x"),
    *(("environment", "resources", key) for key in ("cpus", "memory", "shared_memory", "gpu", "x")),
]  # fmt: skip
GOOD = {
    "name": "a",
    "environment": {
        "base": "python-minimal",
        "packages": ["numpy"],
        "conda": {"packages": ["gdal"], "channels": ["conda-forge"]},
        "r": {"packages": ["ggplot2"], "snapshot": "2024-05-01"},
        "resources": {"cpus": 2, "memory": "4 GB", "gpu": False},
    },
}


@MANY
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUE), min_size=1, max_size=3))
def test_some_fields_are_anything(changes):
    value = tomllib.loads(tomlkit.dumps(GOOD))
    for place, new in changes:
        table = value
        for key in place[:-1]:
            inner = table.get(key)
            table[key] = inner if isinstance(inner, dict) else {}
            table = table[key]
        table[place[-1]] = new
    try:
        text = tomlkit.dumps(value)
        tomllib.loads(text)
    except Exception:
        return
    read_or_refused(text)


@MANY
@given(st.one_of(TEXT, st.text(alphabet='[]{}="#\n.,x1', max_size=80)))
def test_the_file_is_anything(text):
    read_or_refused(text)


@MANY
@given(TEXT)
def test_sizes(text):
    assert (parse_size(text) or 1) > 0
    assert parse_size("4 GB") == 4_000_000_000
    assert parse_size("512MiB") == 512 * 2**20


def test_a_fact_comes_and_goes_without_a_trace():
    before = "# mine\nname = 'a'\n\n[environment]\npython = '>=3.11' # why\npackages = []\n"
    facts = {"base": "r-minimal", "conda_packages": ("gdal",), "conda_channels": ("x",), "memory": "1 GB"}
    with_all = edit_manifest(before, **facts)
    found = parse_manifest(with_all, default_name="a")
    assert (found.base, found.others["conda"].channels, found.resources.memory_bytes) == (
        "r-minimal", ("x",), 10**9,
    )  # fmt: skip
    assert edit_manifest(with_all, **dict.fromkeys(facts)).rstrip() == before.rstrip()


def read_or_refused(text):
    try:
        found = parse_manifest(text, default_name="a")
    except InvalidInput:
        return
    edited = edit_manifest(text, base="b", conda_packages=("x",), memory="2 GB")
    after = parse_manifest(edited, default_name="a")
    assert (after.base, after.packages, after.name) == ("b", found.packages, found.name)


WRITTEN = {
    "inline": 'name = "a"\nenvironment = {packages = ["numpy"], conda = {packages = ["gdal"]}}\n',
    "dotted": 'environment.packages = ["numpy"]\nenvironment.conda.packages = ["gdal"]\n[files]\nmax_bytes = 5\n',
    "apart": '[environment.conda]\npackages = ["gdal"]\n[files]\n[environment]\npackages = ["numpy"]\n',
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_every_way_to_write_a_table_can_be_changed(text):
    edited = edit_manifest(text, packages=("b", "c"), conda_packages=("geos",), memory="4 GB", base="x")
    found = parse_manifest(edited, default_name="a")
    assert (found.packages, found.others["conda"].requirements) == (("b", "c"), ("geos",))
    assert (found.base, found.resources.memory_bytes) == ("x", 4 * 10**9)
    assert parse_manifest(edit_manifest(text, conda_packages=None), default_name="a").others == {}


def test_sizes_are_read_back_as_they_are_written():
    for count in (1, 1025, 1324997410, 4 * 10**9, 512 * 2**20, 3 * 2**40 + 1):
        assert parse_size(written_size(count)) == count


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[environment]\npakages = []", "packages"),
        ("[environment.pip]\npackages = []", "packages"),
        ("[environment]\nzzz = 1", "There are"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(text, hint):
    with pytest.raises(InvalidInput, match=hint):
        parse_manifest(text, default_name="a")
