"""The whole environment: joined with its base, resolved over all managers, one digest, and where it stands."""

import os
from dataclasses import replace

import pytest

from trailmark.environments.bases.read import parse_base
from trailmark.environments.interpreter import own_interpreter
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.r import R
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.package_index import newest_versions
from trailmark.environments.snippets import parse_snippet
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.join import joined, looking
from trailmark.environments.whole.latest import Latest, is_newer, of_place
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import Keep, Means, interpreter_for, resolve_whole
from trailmark.environments.whole.status import describe_whole, left_to_the_machine, reasons_stale
from trailmark.errors import InvalidInput, Unavailable
from trailmark.progress import NullProgress
from trailmark.testing.wheels import offline

INDEX = {
    "gdal": {"3.8": ["proj>=9"], "3.9": ["proj>=9"]},
    "proj": {"9.0": [], "9.1": []},
    "geos": {"3.12": []},
}
BASE = """
id = "maps"
revision = 1
title = "Maps"
[image]
reference = "debian:12"
digest = "sha256:{}"
[languages]
r = "4.2.2"
[managers.pip]
packages = ["alpha", "gamma"]
[managers.conda]
channels = ["conda-forge"]
packages = ["geos"]
"""
PROGRESS = NullProgress()


@pytest.fixture
def base():
    return parse_base(BASE.format("0" * 64), "maps")


@pytest.fixture
def means(uv):
    return Means(uv, {"conda": Memory(INDEX, "conda"), "apt": Memory(INDEX, "apt")})


def resolved(request, means, keep=None, **options):
    return resolve_whole(request, means, keep or Keep(), PROGRESS, **options)


def test_the_projects_own_word_counts(base):
    request = WholeRequest(
        EnvironmentRequest(packages=("Alpha==1.0",)), {"conda": Wanted(("gdal>=3.8",), ("mine",))}, base
    )
    pip, others = joined(request)
    assert pip.packages == ("gamma", "Alpha==1.0")
    assert others == {"conda": Wanted(("geos", "gdal>=3.8"), ("mine",))}
    assert joined(replace(request, base=None)) == (request.pip, request.others)


def test_r_is_resolved_for_the_version_of_the_base(base):
    assert joined(WholeRequest(others={"r": Wanted(("ggplot2",))}, base=base))[1]["r"].runtime == "4.2.2"


def test_system_packages_are_resolved_for_the_image_of_the_base(base):
    request = WholeRequest(others={"apt": Wanted(("gdal",))}, base=base)
    assert joined(request)[1]["apt"].runtime == f"debian:12@sha256:{'0' * 64}"
    assert joined(replace(request, base=None))[1]["apt"].runtime is None


def test_with_pip_alone_the_digest_is_that_of_its_lock(means):
    lock = resolved(WholeRequest(EnvironmentRequest(packages=("alpha",))), means)
    assert lock.digest == lock.pip.digest
    assert lock.parts().keys() == {"python", "pip"}


def test_every_part_is_in_the_digest(means, base):
    request = WholeRequest(EnvironmentRequest(packages=("alpha",)), {"conda": Wanted(("proj",))})
    snippet = parse_snippet("10-a", "RUN true")
    requests = [
        request,
        replace(request, base=base),
        replace(request, base=parse_base(BASE.format("1" * 64), "maps")),
        replace(request, snippets=(snippet,)),
        replace(request, snippets=(parse_snippet("10-a", "RUN false"),)),
        replace(request, snippets=(parse_snippet("11-a", "RUN true"),)),
        replace(request, others={"conda": Wanted(("proj<9.1",))}),
        replace(request, others={"apt": Wanted(("proj",))}),
        replace(request, others={}),
    ]
    digests = [resolved(one, means).digest for one in requests]
    assert len(set(digests)) == len(requests)
    assert [resolved(one, means).digest for one in requests] == digests


def test_what_is_not_touched_stays_byte_for_byte(means):
    old = Memory({"gdal": {"3.8": []}}, "conda")
    request = WholeRequest(EnvironmentRequest(packages=("alpha<2",)), {"conda": Wanted(("gdal",))})
    before = resolved(request, replace(means, managers={"conda": old}))
    more = replace(request, pip=EnvironmentRequest(packages=("alpha<2", "beta")))
    after = resolved(more, means, Keep(before, frozenset(("pip",))))
    assert after.others == before.others
    assert after.pip != before.pip
    moved = resolved(request, means, Keep(before, frozenset(("conda",)), {"conda": None}))
    assert moved.pip == before.pip
    assert '"3.9"' in moved.others["conda"].text


def test_named_packages_move_and_others_stay(means):
    request = WholeRequest(EnvironmentRequest(packages=("alpha", "beta")))
    before = resolved(replace(request, pip=EnvironmentRequest(packages=("alpha==1.0", "beta==1.0"))), means)
    after = resolved(request, means, Keep(before, frozenset(("pip",)), {"pip": ("alpha",)}))
    versions = {one.name: one.version for one in after.packages}
    assert (versions["alpha"], versions["beta"]) == ("2.0", "1.0")


def test_a_conflict_has_the_solvers_own_words_and_a_launch_goes_on_without(means):
    request = WholeRequest(others={"conda": Wanted(("gdal", "proj<9"))})
    with pytest.raises(SolveFailed, match="proj"):
        resolved(request, means)
    assert resolved(request, means, tolerate=(SolveFailed,)).others == {}
    assert resolved(request, means, Keep(touched=frozenset(("pip",)))).others == {}
    with pytest.raises(Unavailable, match="ask r"):
        resolved(WholeRequest(others={"r": Wanted(("x",))}), means)
    with pytest.raises(InvalidInput):
        resolved(WholeRequest(others={"conda": Wanted(("!!",))}), means)


def test_where_each_package_stands(means, base):
    request = WholeRequest(EnvironmentRequest(packages=("beta>=1",)), {"conda": Wanted(("gdal>=3.9",))}, base)
    lines = {line.name: line for line in describe_whole(request, resolved(request, means), means.managers)}
    assert (lines["alpha"].origin, lines["beta"].origin, lines["geos"].origin) == ("base", "project", "base")
    assert (lines["gdal"].manager, lines["gdal"].version, lines["gdal"].requested) == (
        "conda",
        "3.9",
        ">=3.9",
    )
    assert (lines["proj"].requested, lines["proj"].state) == (None, "locked")
    assert describe_whole(request, None, means.managers)[-1].state == "requested"


def test_why_a_lock_is_stale(means, base):
    request = WholeRequest(EnvironmentRequest(packages=("alpha",)), {"conda": Wanted(("gdal",))}, base)
    lock = resolved(request, means)

    def why(**changes):
        return " ".join(reasons_stale(replace(request, **changes), lock, means.managers))

    assert why() == ""
    assert "base" in why(base=None)
    assert "snippets" in why(snippets=(parse_snippet("10-a", "RUN true"),))
    assert "zeta" in why(pip=EnvironmentRequest(packages=("alpha", "zeta")))
    assert "Python" in why(pip=EnvironmentRequest(">=3.98", packages=("alpha",)))
    assert "gdal" in why(others={"conda": Wanted(("gdal<3",))})
    only_pip = replace(lock, others={})
    assert "geos" in " ".join(reasons_stale(request, only_pip, means.managers))
    without = replace(request, others={}, base=replace(base, managers={}))
    assert "conda packages" in " ".join(reasons_stale(without, lock, means.managers))


def test_what_is_left_to_the_machine_is_said(means, base):
    request = WholeRequest(
        others={"apt": Wanted(("proj",))}, base=base, snippets=(parse_snippet("10-fonts", "RUN true"),)
    )
    said = " ".join(left_to_the_machine(request, resolved(request, means)))
    assert [word for word in ("debian:12", "R 4.2.2", "apt", "conda", "10-fonts") if word not in said] == []
    assert left_to_the_machine(WholeRequest(), None) == ()


def test_the_python_of_the_base_is_taken_where_it_is(uv):
    own = own_interpreter()
    here = parse_base(BASE.format("0" * 64).replace('r = "4.2.2"', f'python = "{own.minor}"'), "x")
    elsewhere = parse_base(BASE.format("0" * 64).replace('r = "4.2.2"', 'python = "3.98"'), "x")
    assert interpreter_for(WholeRequest(base=here), uv).minor == own.minor
    missing = WholeRequest(base=elsewhere)
    assert interpreter_for(missing, uv) == interpreter_for(WholeRequest(), uv)
    lock = resolved(replace(missing, base=replace(elsewhere, managers={})), Means(uv, {}))
    assert "3.98" in " ".join(left_to_the_machine(missing, lock))


def test_newest_versions_are_asked_for_once(tmp_path, uv, index):
    now = [1000.0]
    latest = Latest(tmp_path, lambda: now[0])
    asked = []

    def ask(names):
        asked.append(names)
        return newest_versions(names, own_interpreter(), uv)

    found = latest.find("pip", ["alpha", "unknown-package"], ask)
    assert found == {"alpha": "2.0", "unknown-package": None}
    assert latest.find("pip", ["alpha", "unknown-package"], ask) == found
    assert len(asked) == 1
    now[0] += 400
    assert latest.find("pip", ["unknown-package"], ask) == {"unknown-package": None}
    assert len(asked) == 1
    assert Latest(tmp_path, lambda: now[0] + 9000).known("pip", ["alpha"]) == {}
    (tmp_path / "cache" / "latest.json").write_text("[1")
    assert latest.known("pip", ["alpha"]) == {}


def test_what_could_not_be_asked_for_is_asked_for_again_before_long(tmp_path):
    now, asked = [1000.0], []
    latest = Latest(tmp_path, lambda: now[0])

    def ask(names):
        asked.append(names)
        return {}

    for after in (0, 100, 400):
        now[0] = 1000.0 + after
        assert latest.find("pip", ["alpha"], ask) == {"alpha": None}
    assert asked == [("alpha",), ("alpha",)]


def test_each_place_has_its_own_newest_versions(tmp_path):
    latest, here, there = Latest(tmp_path), Wanted(channels=("/here",)), Wanted(snapshot="2024-05-01")
    latest.find(of_place("conda", here), ["gdal"], lambda names: {"gdal": "3.8"})
    assert latest.known(of_place("conda", there), ["gdal"]) == {}
    assert latest.known(of_place("conda", here), ["gdal"]) == {"gdal": "3.8"}
    assert of_place("conda", Wanted(("gdal",))) == "conda"


def test_a_version_is_newer_as_its_own_manager_orders_versions(tmp_path):
    managers = {
        "conda": Conda(tmp_path, "linux-64"), "apt": Apt(tmp_path), "r": R(tmp_path, "4.2.2"),
    }  # fmt: skip
    newer = [
        ("pip", "2.0", "1.0"), ("pip", "1.0", "1.0rc1"),
        ("conda", "1.10", "1.9"), ("conda", "2.0", "2.0dev1"), ("conda", "9f", "9e"),
        ("apt", "1:1.0-1", "2.0-1"), ("apt", "1.0", "1.0~rc1"), ("apt", "2.36-9+deb12u10", "2.36-9+deb12u9"),
        ("r", "1.0-10", "1.0-9"), ("r", "1.0.1", "1.0"),
    ]  # fmt: skip
    for manager, one, other in newer:
        assert is_newer(manager, one, other, managers), (manager, one, other)
        assert not is_newer(manager, other, one, managers), (manager, other, one)
        assert not is_newer(manager, one, one, managers)
        assert not is_newer(manager, one, None, managers)
        assert not is_newer(manager, None, one, managers)
    assert not is_newer("conda", "2", "1", {})


def test_a_manager_is_looked_into_where_its_lock_looks(base):
    assert looking(WholeRequest(base=base), "conda") == Wanted(("geos",), ("conda-forge",))
    own = WholeRequest(others={"conda": Wanted(channels=("/mine",))}, base=base)
    assert looking(own, "conda").channels == ("/mine",)
    assert looking(WholeRequest(base=base), "r").runtime == "4.2.2"
    assert joined(WholeRequest(others={"conda": Wanted(channels=("/mine",))}))[1] == {}


def test_the_same_request_gives_the_same_bytes_with_other_homes(tmp_path, index, means, base):
    request = WholeRequest(EnvironmentRequest(packages=("alpha",)), {"conda": Wanted(("gdal",))}, base)
    other = Means(find_uv(offline(index, tmp_path / "other-cache", os.environ)), means.managers)
    one, two = resolved(request, means), resolved(request, other)
    assert (one.pip.text, one.others, one.digest) == (two.pip.text, two.others, two.digest)
