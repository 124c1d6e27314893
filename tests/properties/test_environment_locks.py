"""The same request with the same indexes gives the same lock and the same Dockerfile, byte for byte, on any home."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trailmark.engines.recipe import Layer, render
from trailmark.environments.bases.read import parse_base
from trailmark.environments.interpreter import own_interpreter
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.apt_system import AptSystem
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.pip import Pip
from trailmark.environments.managers.protocol import NOTHING, PackageManager
from trailmark.environments.managers.r import R
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.snippets import parse_snippet
from trailmark.environments.uv import Uv, find_uv
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.recipe import recipe_of
from trailmark.environments.whole.resolve import Keep, Means, resolve_whole
from trailmark.progress import NullProgress
from trailmark.testing.apt_repositories import source_line, write_apt_repository, write_deb, write_system
from trailmark.testing.conda_channels import write_conda_channel, write_conda_package
from trailmark.testing.r_repositories import write_r_package, write_r_repository
from trailmark.testing.wheels import offline, write_index, write_wheel

pytestmark = pytest.mark.timeout(600)
NAMES = ("alpha", "beta", "gamma", "delta", "left", "right")
# Of left and right, each newest one wants the other to be old: which of them gives way must not depend on the order.
INDEX = {
    "alpha": {"1.0": [], "2.0": ["beta>=1"]},
    "beta": {"1.0": [], "2.0": []},
    "gamma": {"1.0": ["beta<2"]},
    "delta": {"1.0": ["beta>=2"]},
    "left": {"1.0": [], "2.0": ["right<2"]},
    "right": {"1.0": [], "2.0": ["left<2"]},
}
BASE = """
id = "ground"
revision = 1
title = "Ground"
[image]
local = "ground"
[languages]
r = "4.2.2"
[managers.pip]
packages = ["beta"]
"""
SOME = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LOCK = """
import hashlib, os, sys
from pathlib import Path
from trailmark import wiring
from trailmark.engines.recipe import Layer, render
from trailmark.environments.whole.recipe import recipe_of
from trailmark.progress import NullProgress
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.packages import lock_environment
services = wiring.build(os.environ)
project = new_project("work", services.settings)
project.manifest_path.write_text(sys.stdin.read())
lock_environment(project, services.means, NullProgress())
lock = current_lock(project)
for path in sorted((project.path / "environment").rglob("*")):
    if path.is_file():
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
recipe = recipe_of(lock, services.managers, Layer("tools", ("true",)))
rendered = render(recipe, programs={"uv": b""})
print("digest", lock.digest)
print("Dockerfile", hashlib.sha256(rendered.pack()).hexdigest())
"""


@dataclass(frozen=True)
class Place:
    """One manager on two homes, and how it is spoken to."""

    one: PackageManager
    other: PackageManager
    wanted: Wanted = NOTHING
    at: str = "=="


@dataclass(frozen=True)
class Indexes:
    """Folders that packages come from."""

    wheels: Path
    channel: Path
    debian: Path
    cran: Path
    root: Path

    def uv(self, home: Path) -> Uv:
        return find_uv(offline(self.wheels, home / "uv", os.environ))

    def apt(self, home: Path) -> Apt:
        return Apt(home / "apt", AptSystem(self.root, "amd64"))

    def r(self, home: Path) -> R:
        return R(home / "r", "4.2.2", repositories=[str(self.cran)])

    def means(self, home: Path) -> Means:
        return Means(
            self.uv(home),
            {"conda": Conda(home / "conda", "linux-64"), "apt": self.apt(home), "r": self.r(home)},
        )


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Indexes:
    folder = tmp_path_factory.mktemp("indexes")
    found = Indexes(
        write_index(folder / "wheels"),
        write_conda_channel(folder / "channel"),
        write_apt_repository(folder / "debian"),
        write_r_repository(folder / "cran"),
        write_system(folder / "root"),
    )
    write_wheel(found.wheels, "delta", "1.0", requires=["beta>=2"])
    for name, other in (("left", "right"), ("right", "left")):
        write_wheel(found.wheels, name, "1.0")
        write_wheel(found.wheels, name, "2.0", requires=[f"{other}<2"])
        write_conda_package(found.channel, name, "1.0")
        write_conda_package(found.channel, name, "2.0", depends=[f"{other} <2"])
        write_deb(found.debian, name, "1.0")
        write_deb(found.debian, name, "2.0", fields={"Depends": f"{other} (<< 2)"})
        write_r_package(found.cran, name, "1.0")
        write_r_package(found.cran, name, "2.0", fields={"Imports": f"{other} (< 2.0)"})
    return found


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("another") / "far" / "away"


@pytest.fixture(scope="module")
def places(indexes: Indexes, homes: tuple[Path, Path]) -> dict[str, Place]:
    def both(make: Callable[[Path], PackageManager], wanted: Wanted = NOTHING, at: str = "==") -> Place:
        return Place(make(homes[0]), make(homes[1]), wanted, at)

    python = own_interpreter()
    return {
        "pip": both(lambda home: Pip(python, indexes.uv(home))),
        "conda": both(
            lambda home: Conda(home / "conda", "linux-64"), Wanted(channels=(str(indexes.channel),))
        ),
        "apt": both(indexes.apt, Wanted(channels=(source_line(indexes.debian),)), "="),
        "r": both(indexes.r),
        "memory": both(lambda home: Memory(INDEX)),
    }


VERSION = st.sampled_from([None, "1.0"])
ASKED = st.dictionaries(st.sampled_from(NAMES), VERSION, max_size=5).flatmap(
    lambda asked: st.tuples(*[st.permutations(list(asked.items()))] * 2)
)
MANAGERS = ["pip", "conda", pytest.param("apt", marks=pytest.mark.needs("apt-get")), "r", "memory"]


def lines(asked: list[tuple[str, str | None]], at: str) -> tuple[str, ...]:
    return tuple(name + (f"{at}{version}" if version else "") for name, version in asked)


def solved(manager: PackageManager, wanted: Wanted) -> str | None:
    """Return the lock's text, None when there is none."""
    try:
        return manager.solve(wanted).text
    except SolveFailed:
        return None


@pytest.mark.parametrize("name", MANAGERS)
@SOME
@given(asked=ASKED)
@example(asked=([("left", None), ("right", None)], [("right", None), ("left", None)]))
def test_one_managers_lock_is_the_same_on_two_homes_in_any_order(places, name, asked):
    place = places[name]
    first, second = (replace(place.wanted, requirements=lines(one, place.at)) for one in asked)
    text = solved(place.one, first)
    assert text == solved(place.other, first)
    assert text == solved(place.one, second)


SNIPPETS = st.dictionaries(st.sampled_from(["10-a", "20-b", "30-c"]), st.sampled_from(["RUN a", "ENV B=1"]))
PART = st.dictionaries(st.sampled_from(("alpha", "beta", "gamma", "left", "right")), VERSION, max_size=4)


@st.composite
def two_orders(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object]]:
    """What is asked of each manager, and the same in another order."""
    asked = {name: draw(PART) for name in ("pip", "conda", "apt", "r")}
    names = draw(st.permutations(list(asked)))
    again = {name: dict(draw(st.permutations(list(asked[name].items())))) for name in names}
    return asked, again


@pytest.mark.needs("apt-get")
@SOME
@given(orders=two_orders(), has_base=st.booleans(), snippets=SNIPPETS)
def test_the_whole_lock_and_its_dockerfile_are_the_same_on_two_homes(
    places, indexes, homes, orders, has_base, snippets
):
    base = parse_base(BASE, "ground") if has_base else None
    held = tuple(parse_snippet(name, text) for name, text in sorted(snippets.items()))

    def request(asked):
        others = {
            name: replace(places[name].wanted, requirements=lines(list(part.items()), places[name].at))
            for name, part in asked.items()
            if name != "pip" and part
        }
        pip = EnvironmentRequest(packages=lines(list(asked["pip"].items()), "=="))
        return WholeRequest(pip, others, base, held)

    def made(asked, home):
        means = indexes.means(home)
        lock = resolve_whole(request(asked), means, Keep(), NullProgress())
        files = {name: file.text for name, file in lock.others.items()} | {"pip": lock.pip.text}
        if base is None:
            return files, lock.digest, None
        recipe = recipe_of(lock, means.managers, Layer("tools", ("true",)))
        return files, lock.digest, render(recipe, programs={"uv": b"uv"}).pack()

    first, second = orders
    one = made(first, homes[0])
    assert one == made(first, homes[1])
    assert one == made(second, homes[1])


MANIFEST = """
name = "work"
[environment]
base = "ground"
packages = ["right", "gamma", "left", "alpha"]
[environment.conda]
packages = ["left", "right", "alpha", "gamma"]
channels = ["{channel}"]
[environment.r]
packages = ["right", "left", "gamma", "alpha"]
"""


def test_two_programs_on_two_homes_write_the_same_files(indexes, tmp_path):
    """Other processes, with other hashing of their own, other times and folders."""
    told = []
    for number, (seed, zone) in enumerate((("1", "Asia/Tokyo"), ("2", "America/Lima"))):
        home = tmp_path / ("deep/" * number + "home")
        (home / "bases").mkdir(parents=True)
        (home / "bases" / "ground.toml").write_text(BASE)
        (home / "settings.toml").write_text(f"r_repositories = [{json.dumps(str(indexes.cran))}]\n")
        environ = offline(indexes.wheels, home / "uv", os.environ)
        environ |= {"TRAILMARK_HOME": str(home), "PYTHONHASHSEED": seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", LOCK],
            input=MANIFEST.format(channel=indexes.channel),
            env=environ,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
        shutil.rmtree(home)
    assert told[0] == told[1]
    assert {line.split()[0] for line in told[0].splitlines()} == {
        "asked.toml", "base.toml", "pylock.toml", "conda-lock.yml", "renv.lock", "digest", "Dockerfile",
    }  # fmt: skip
