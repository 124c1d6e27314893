import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.environments.model import EnvironmentRequest, parse_lock, parse_python, parse_requirement
from trailmark.errors import Damaged, InvalidInput

LOCK = """\
# a comment
lock-version = "1.0"
created-by = "uv"
requires-python = "==3.11.*"

[[packages]]
name = "alpha"
version = "2.0"
wheels = [{ url = "https://example.org/alpha-2.0-py3-none-any.whl", hashes = { sha256 = "00" } }]

[[packages]]
name = "on-mac"
version = "1.0"
marker = "sys_platform == 'darwin'"
wheels = [{ url = "https://example.org/on_mac-1.0-py3-none-any.whl", hashes = { sha256 = "00" } }]

[[packages]]
name = "split"
version = "1.0"
marker = "sys_platform == 'darwin'"
wheels = [{ url = "https://example.org/split-1.0-py3-none-any.whl", hashes = { sha256 = "00" } }]

[[packages]]
name = "split"
version = "2.0"
marker = "sys_platform != 'darwin'"
wheels = [{ url = "https://example.org/split-2.0-py3-none-any.whl", hashes = { sha256 = "00" } }]
"""


def test_a_request_keeps_what_was_asked_for() -> None:
    request = EnvironmentRequest("==3.12.*", ("pandas", "numpy>=2,<3", "x[extra]; sys_platform == 'linux'"))
    assert request.packages == ("pandas", "numpy>=2,<3", "x[extra]; sys_platform == 'linux'")


@pytest.mark.parametrize(
    "text", ["", "pandas==", "two words", "a b c", "pandas=2", "-r file", "./here", "a" * 5000]
)
def test_a_requirement_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"“"):
        EnvironmentRequest(packages=("numpy", text))


@pytest.mark.parametrize("text", ["3.11", "python3", ">=three", "==" + "9" * 5000])
def test_a_python_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"“"):
        EnvironmentRequest(python=text)


def test_a_package_is_asked_for_once() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        EnvironmentRequest(packages=("Pandas", "pandas>2"))
    EnvironmentRequest(packages=("numpy<2; sys_platform == 'darwin'", "numpy>=2; sys_platform != 'darwin'"))


def test_a_lock_tells_its_packages() -> None:
    lock = parse_lock(LOCK)
    assert [(package.name, package.version) for package in lock.packages] == [
        ("alpha", "2.0"),
        ("on-mac", "1.0"),
        ("split", "1.0"),
        ("split", "2.0"),
    ]
    assert lock.requires_python == "==3.11.*"
    assert lock.text == LOCK


def test_packages_are_found_as_they_apply_to_a_machine() -> None:
    lock = parse_lock(LOCK)
    mac, linux = {"sys_platform": "darwin"}, {"sys_platform": "linux"}
    assert (lock.find("On_Mac", mac) or lock.packages[0]).name == "on-mac"
    assert lock.find("on-mac", linux) is None
    assert [(lock.find("split", machine) or lock.packages[0]).version for machine in (mac, linux)] == [
        "1.0",
        "2.0",
    ]
    assert lock.find("nothing") is None


def test_the_digest_covers_content_and_python_but_neither_comments_nor_layout() -> None:
    digest = parse_lock(LOCK).digest
    assert len(digest) == 64
    assert parse_lock(LOCK.replace("# a comment", "# another") + "\n\n# end\n").digest == digest
    assert (
        parse_lock(LOCK.replace('name = "alpha"\nversion = "2.0"', 'version = "2.0"\nname = "alpha"')).digest
        == digest
    )
    assert parse_lock(LOCK.replace('"00"', '"01"')).digest != digest
    assert parse_lock(LOCK, "==3.11.*").digest != digest


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "lock-version"),
        ("lock-version", "TOML"),
        (LOCK.replace('"1.0"', "1.0", 1), "lock-version"),
        (LOCK.replace('name = "alpha"', 'name = "Not Normal!"'), "name"),
        (LOCK.replace('version = "2.0"', 'version = "two"', 1), "version"),
        (LOCK.replace('hashes = { sha256 = "00" }', "hashes = {}", 1), "hashes"),
        (LOCK.replace("sys_platform ==", "no_such_thing ==", 1), "marker"),
        ("a = " + "[" * 5000, "TOML"),
        ("a = " + "9" * 5000, "TOML"),
        ("packages = 3\nlock-version = '1.0'\ncreated-by = 'x'", "packages"),
    ],
)
def test_a_malformed_lock_says_where(text: str, where: str) -> None:
    with pytest.raises(Damaged, match=where) as caught:
        parse_lock(text)
    assert "Nothing was changed" in str(caught.value)


@given(st.text(max_size=300))
def test_any_text_is_a_lock_or_damaged(text: str) -> None:
    for candidate in (text, f'lock-version = "1.0"\ncreated-by = "x"\n{text}'):
        try:
            parse_lock(candidate)
        except Damaged:
            continue


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_PACKAGE = st.fixed_dictionaries(
    {"name": st.sampled_from(["alpha", "Beta", ""]) | _JSON},
    optional={
        "version": st.sampled_from(["1.0", "x"]) | _JSON,
        "marker": st.sampled_from(["sys_platform == 'linux'", "'a' in extras", "x == 'y'"]) | _JSON,
        "requires-python": st.sampled_from([">=3", "3"]) | _JSON,
        "wheels": st.lists(
            st.dictionaries(st.sampled_from(["url", "name", "path", "hashes", "size"]), _JSON), max_size=2
        )
        | _JSON,
        "vcs": _JSON,
        "sdist": _JSON,
        "tool": _JSON,
        "dependencies": _JSON,
    },
)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) and "inf" not in repr(value) else "1.5"
    return '""' if value is None else json.dumps(value, ensure_ascii=False)


@given(st.lists(_PACKAGE | _JSON, max_size=3), _JSON)
def test_any_structure_is_a_lock_or_damaged(packages: list[object], extra: object) -> None:
    text = f'lock-version = "1.0"\ncreated-by = "x"\npackages = {_toml(packages)}\nenvironments = {_toml(extra)}\n'
    try:
        lock = parse_lock(text)
    except Damaged:
        return
    for package in lock.packages:
        assert lock.find(package.name) in (*lock.packages, None)


@given(st.text(max_size=60))
def test_any_text_is_a_requirement_and_a_python_or_refused(text: str) -> None:
    for parse in (parse_requirement, parse_python):
        try:
            parse(text)
        except InvalidInput:
            continue
