import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import tomlkit
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trailmark.environments.interpreter import own_interpreter
from trailmark.environments.managers import apt_lock, conda_lock, debian, r_lock, r_packages, rattle
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import ManagerLock, Wanted
from trailmark.environments.managers.pip import Pip
from trailmark.environments.managers.plan import Candidate, Need, NoPlan, plan_versions
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.managers.r import R
from trailmark.environments.managers.r_repository import Repository
from trailmark.environments.uv import Uv
from trailmark.errors import Damaged, InvalidInput
from trailmark.progress import NullProgress

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

NOWHERE = Path("nowhere")
MANAGERS: tuple[PackageManager, ...] = (
    Pip(own_interpreter(), Uv("uv", {})),
    Conda(NOWHERE, "linux-64"),
    Apt(NOWHERE),
    R(NOWHERE, "4.2.2"),
    Memory({}),
)
DIGEST = "0123456789abcdef" * 4
VALID: Mapping[str, Mapping[str, Any]] = {
    "pip": {
        "lock-version": "1.0",
        "created-by": "uv",
        "requires-python": "==3.11.*",
        "packages": [
            {
                "name": "beta",
                "version": "1.0",
                "marker": "sys_platform == 'linux'",
                "index": "https://example.org/simple",
                "wheels": [
                    {"url": "https://example.org/beta-1.0-py3-none-any.whl", "hashes": {"sha256": DIGEST}}
                ],
            },
            {"name": "gamma", "vcs": {"type": "git", "url": "https://example.org/g", "commit-id": "0" * 40}},
        ],
    },
    "conda": {
        "version": 1,
        "metadata": {
            "content_hash": {"linux-64": DIGEST},
            "channels": [{"url": "conda-forge", "used_env_vars": []}],
            "platforms": ["linux-64"],
            "sources": ["trailmark.toml"],
        },
        "package": [
            {
                "name": "beta",
                "version": "1.0",
                "manager": "conda",
                "platform": "linux-64",
                "dependencies": {"alpha": ">=1"},
                "url": "https://example.org/beta-1.0-0.conda",
                "hash": {"sha256": DIGEST},
                "category": "main",
                "optional": False,
            }
        ],
    },
    "apt": {
        "version": 1,
        "architecture": "amd64",
        "snapshot": "2024-05-01",
        "sources": ["deb https://example.org/debian bookworm main"],
        "package": [
            {"name": "beta", "version": "1:1.0-1", "architecture": "amd64", "sha256": DIGEST},
            {"name": "gamma", "version": "1.0", "architecture": "all", "in-base": True},
        ],
    },
    "r": {
        "R": {"Version": "4.2.2", "Repositories": [{"Name": "CRAN", "URL": "https://example.org/cran"}]},
        "Packages": {
            "beta": {
                "Package": "beta",
                "Version": "1.0-1",
                "Source": "Repository",
                "Repository": "CRAN",
                "Imports": ["alpha (>= 1.0)", "utils"],
                "MD5sum": DIGEST[:32],
            }
        },
    },
    "memory": {"packages": [{"name": "beta", "version": "1.0"}]},
}
MANY = settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def render(name: str, content: object) -> str:
    if name in ("r", "memory"):
        return json.dumps(content)
    if name == "conda":
        return str(yaml.safe_dump(content, allow_unicode=True))
    return tomlkit.dumps(_without_none(content))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value if one is not None] if isinstance(value, list) else value


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to each value inside of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


@st.composite
def mended_wrong(draw: st.DrawFn, name: str) -> str:
    """A lock in which one value is another, is gone, or is there under another name."""
    content = json.loads(json.dumps(VALID[name]))
    *parents, last = draw(st.sampled_from([place for place in places(content) if place]))
    table = content
    for key in parents:
        table = table[key]
    match draw(st.sampled_from(["replace", "remove", "rename"])):
        case "remove":
            del table[last]
        case "rename" if isinstance(table, dict):
            table[draw(ANY_TEXT)] = table.pop(last)
        case _:
            table[last] = draw(ANY_VALUE)
    try:
        return render(name, content)
    except (TypeError, ValueError):  # what the format cannot say
        return "?"


@st.composite
def torn(draw: st.DrawFn, name: str) -> str:
    """The text of a lock with a piece taken out, doubled, or something put between."""
    text = render(name, VALID[name])
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 60)))
    return text[:start] + draw(st.sampled_from(["", text[start:end] * 2]) | ANY_TEXT) + text[end:]


def is_read_or_refused(manager: PackageManager, text: str) -> None:
    lock = given_or_refused(manager.parse, text, Damaged)
    if isinstance(lock, Damaged):
        assert manager.file_name in str(lock)
        assert "Nothing was changed" in str(lock)
        assert len(str(lock)) < 3000
    else:
        assert lock.text == text
        assert manager.parse(text) == lock
        usable(manager, lock)


def given_or_refused(work: Callable[[str], T], text: str, refusal: type[E]) -> T | E:
    try:
        return work(text)
    except refusal as error:
        return error


def usable(manager: PackageManager, lock: ManagerLock) -> None:
    """What was read can be worked with: its parts go into steps, and each of its names can be asked for."""
    try:
        steps = manager.install_steps(lock)
    except InvalidInput:
        return
    assert all("\n" not in line and "\0" not in line for step in steps for line in step.run)


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda one: one.name)
def test_the_valid_locks_are_read(manager: PackageManager) -> None:
    lock = manager.parse(render(manager.name, VALID[manager.name]))
    assert lock.find("beta") is not None
    usable(manager, lock)


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda one: one.name)
@MANY
@given(data=st.data())
def test_a_lock_with_a_wrong_value_is_read_or_refused(manager: PackageManager, data: st.DataObject) -> None:
    is_read_or_refused(manager, data.draw(mended_wrong(manager.name)))


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda one: one.name)
@MANY
@given(data=st.data())
def test_a_torn_lock_is_read_or_refused(manager: PackageManager, data: st.DataObject) -> None:
    is_read_or_refused(manager, data.draw(torn(manager.name)))


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda one: one.name)
@MANY
@given(text=st.text(max_size=300))
@example(text="[" * 100_000)
@example(text="{" * 100_000)
@example(text='{"a":' * 100_000)
@example(text="a: " * 50_000)
@example(text="- " * 50_000)
@example(text="a: &a [1]\nb: [*a, *a]")
@example(text="a = " + "[" * 50_000)
@example(text="x = 1" + "0" * 10_000)
@example(text='{"packages": 1' + "0" * 10_000 + "}")
def test_any_text_is_read_or_refused(manager: PackageManager, text: str) -> None:
    is_read_or_refused(manager, text)


REQUIREMENT = st.text(max_size=60) | st.from_regex(
    r"[A-Za-z0-9._:/-]{0,12} ?(\[|\(|@|=|==|>=|<|~=|!=|,|;|\||\*){0,3} ?[0-9a-z.*+~:-]{0,8}.{0,6}",
    fullmatch=True,
)


@pytest.mark.parametrize("manager", MANAGERS, ids=lambda one: one.name)
@MANY
@given(text=REQUIREMENT, version=st.text(max_size=10) | st.sampled_from(["1.0", "2.0-1", "1:3"]))
@example(text="a>=" + "1" * 1900, version="1" * 5000)
@example(text="a==" + "1." * 900 + "1", version="1." * 900)
@example(text="a@" + "1" * 1990, version="9" * 30)
def test_a_requirement_is_understood_or_refused(manager: PackageManager, text: str, version: str) -> None:
    normal = given_or_refused(manager.check, text, InvalidInput)
    if isinstance(normal, InvalidInput):
        assert str(normal)
        return
    assert manager.check(normal) == normal
    assert manager.name_of(normal) == manager.name_of(text)
    assert manager.meets(normal, version) in (True, False)
    assert manager.meets(normal, None) in (True, False)


@MANY
@given(
    text=st.text(max_size=60)
    | st.from_regex(r"[a-z]{0,6}[:/.@~ \[]{0,4}[a-z0-9.]{0,8}[:/@]{0,2}[a-z0-9/]{0,8}")
)
@example(text="http://[x")
@example(text="/")
def test_a_channel_is_understood_or_refused(text: str) -> None:
    channel = given_or_refused(rattle.read_channel, text, InvalidInput)
    assert isinstance(channel, InvalidInput) or channel.base_url
    source = given_or_refused(
        lambda one: Apt(NOWHERE).solve(Wanted(channels=(one,), snapshot="2024-05-01")), text, InvalidInput
    )
    assert isinstance(source, InvalidInput)
    address = given_or_refused(
        lambda one: Repository("x", one, cache=NOWHERE, progress=NullProgress()),
        text,
        InvalidInput,
    )
    assert isinstance(address, InvalidInput) or address.address


VERSIONS = st.from_regex(r"(?:[0-9]:)?[0-9][0-9a-zA-Z.+~]{0,8}(?:-[0-9a-zA-Z.+~]{1,4})?", fullmatch=True)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="not installed: dpkg")
@settings(max_examples=200, deadline=None)
@given(first=VERSIONS, second=VERSIONS)
def test_versions_are_ordered_as_debian_orders_them(first: str, second: str) -> None:
    order = debian.compare(first, second)
    relation = "lt" if order < 0 else "gt" if order > 0 else "eq"
    told = subprocess.run(["dpkg", "--compare-versions", first, relation, second], capture_output=True)
    assert told.returncode == 0


R_VERSIONS = st.from_regex(r"[0-9]{1,3}(?:[.-][0-9]{1,4}){0,3}", fullmatch=True)


@given(st.lists(R_VERSIONS, max_size=8))
def test_versions_of_r_packages_have_one_order(versions: list[str]) -> None:
    ordered = r_packages.newest_first(versions)
    keys = [r_packages.version_key(one) for one in ordered]
    assert keys == sorted(keys, reverse=True)
    assert set(ordered) == set(versions)


NAMES = "abcd"
INDEX = st.dictionaries(
    st.sampled_from(NAMES),
    st.dictionaries(
        st.sampled_from("123"),
        st.lists(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(["<2", "<3", ">1", ">2", "any"])), max_size=2
        ),
        max_size=3,
    ),
)


def allows(limit: str, version: str) -> bool:
    return limit == "any" or (version < limit[1] if limit[0] == "<" else version > limit[1])


def need(name: str, limit: str) -> Need:
    return Need(name, name + limit, lambda version: allows(limit, version))


@settings(max_examples=600, deadline=None)
@given(
    index=INDEX, asked=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["any", "<3"])), max_size=3)
)
def test_a_plan_is_found_when_there_is_one(
    index: dict[str, dict[str, list[tuple[str, str]]]], asked: list[tuple[str, str]]
) -> None:
    def holds(chosen: Mapping[str, str]) -> bool:
        needs = [*asked, *(one for name, version in chosen.items() for one in index[name][version])]
        return all(name in chosen and allows(limit, chosen[name]) for name, limit in needs)

    def candidates(name: str) -> list[Candidate]:
        versions = index.get(name, {})
        return [
            Candidate(name, version, tuple(need(*one) for one in versions[version]))
            for version in sorted(versions, reverse=True)
        ]

    def plan(_: str) -> dict[str, Candidate]:
        return plan_versions([need(*one) for one in asked], candidates)

    planned = given_or_refused(plan, "", NoPlan)
    if isinstance(planned, NoPlan):
        assert str(planned)
        choices = [[None, *index.get(name, {})] for name in NAMES]
        for versions in itertools.product(*choices):
            assert not holds(
                {name: version for name, version in zip(NAMES, versions, strict=True) if version}
            )
    else:
        assert holds({name: candidate.version for name, candidate in planned.items()})


WORD = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
NUMBER = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", fullmatch=True)


@given(st.dictionaries(WORD, NUMBER, max_size=5), st.randoms())
def test_a_conda_lock_is_written_in_one_way_and_read_back(versions: dict[str, str], random: Any) -> None:
    packages = [
        conda_lock.Package(
            name, version, f"https://example.org/{name}.conda", {"sha256": DIGEST}, ("a >=1", "b", "a <2")
        )
        for name, version in versions.items()
    ]
    facts: dict[str, Any] = {"requirements": list(versions), "channels": ["c"], "platform": "linux-64"}
    text = conda_lock.render_lock(packages, **facts)
    random.shuffle(packages)
    assert conda_lock.render_lock(packages, **facts) == text
    lock = conda_lock.parse_lock(text, "linux-64")
    assert {item.name: item.version for item in lock.items} == versions
    assert conda_lock.channels_of(lock) == ("c",)


@given(st.dictionaries(WORD, NUMBER, max_size=5), st.booleans())
def test_an_apt_lock_is_written_in_one_way_and_read_back(versions: dict[str, str], dated: bool) -> None:
    packages = tuple(
        apt_lock.Package(name, version, "amd64", DIGEST if len(name) % 2 else None)
        for name, version in versions.items()
    )
    sources = ("deb https://example.org/debian bookworm main",) if dated else ()
    lock = apt_lock.AptLock("amd64", packages, sources, "2024-05-01" if dated else None)
    text = apt_lock.render_lock(lock)
    read = apt_lock.read_lock(text)
    assert apt_lock.render_lock(read) == text
    assert set(read.packages) == set(packages)
    assert (read.sources, read.snapshot) == (lock.sources, lock.snapshot)


@given(st.dictionaries(WORD, NUMBER, max_size=5))
def test_an_r_lock_is_written_in_one_way_and_read_back(versions: dict[str, str]) -> None:
    packages = tuple(
        r_lock.Package(name, version, "CRAN", {"Imports": "utils, beta (>= 1.0)"}, DIGEST[:32])
        for name, version in sorted(versions.items())
    )
    lock = r_lock.RLock("4.2.2", {"CRAN": "https://example.org/cran"}, packages)
    assert r_lock.read_lock(r_lock.render_lock(lock)) == lock
