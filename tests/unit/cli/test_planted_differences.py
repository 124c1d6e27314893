"""A planted difference of each kind is found by `trailmark env verify` and named; with none, a rebuild is equal."""

import json
import os
import re
from pathlib import Path

import pytest

from trailmark.cli import program
from trailmark.environments.installed import site_packages
from trailmark.testing.apt_repositories import source_line, write_apt_repository
from trailmark.testing.wheels import offline, write_index, write_wheel

CHANGED = "changed since it was recorded"
BASE = """
id = "course"
revision = 1
title = "Course"
[image]
reference = "debian:12"
digest = "sha256:{}"
[managers.pip]
packages = ["alpha"]
"""


class Place:
    """The command line in one Trailmark home, where a few packages are."""

    def __init__(self, home: Path, environ: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._environ = {**environ, "TRAILMARK_HOME": str(home)}
        self._capfd = capfd

    def run(self, *arguments: str) -> tuple[int, dict[str, object]]:
        self._capfd.readouterr()
        code = program.run([*arguments, "--json"], self._environ, self.home)
        said = self._capfd.readouterr()
        assert said.out, said.err
        return code, json.loads(said.out)

    def done(self, *arguments: str) -> dict[str, object]:
        code, value = self.run(*arguments)
        assert code == 0, value
        return value

    def verify(self) -> tuple[int, dict[str, dict[str, str | None]]]:
        """Return the exit code, and the differences by what they are about."""
        code, proof = self.run("-C", "field", "env", "verify")
        differences = proof["differences"]
        assert isinstance(differences, list)
        assert all(one.keys() == {"what", "cause", "recorded", "rebuilt"} for one in differences)
        assert proof["ok"] == (code == 0) == (not differences)
        return code, {one.pop("what"): one for one in differences}

    def held(self, name: str) -> Path:
        """Return a file that holds a part of the lock."""
        return self.home / "projects" / "ada" / "field" / "environment" / name

    def site(self) -> Path:
        """Return where the environment's packages are."""
        return site_packages(
            Path(str(self.done("-C", "field", "env", "build", "--engine", "local")["built"]))
        )


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return write_index(tmp_path / "wheels")


@pytest.fixture
def place(settings, wheels: Path, tmp_path: Path, capfd) -> Place:
    place = Place(settings.home, offline(wheels, tmp_path / "cache", os.environ), capfd)
    (place.home / "bases").mkdir()
    (place.home / "bases" / "course.toml").write_text(BASE.format("1" * 64))
    place.done("new", "field", "--base", "course")
    (place.home / "piece").write_text("RUN true\n")
    place.done("-C", "field", "env", "snippet", "set", "10-a", "piece")
    assert place.verify() == (0, {})
    return place


def test_with_none_planted_a_rebuild_on_another_home_is_equal(
    place: Place, wheels: Path, tmp_path: Path, capfd
) -> None:
    place.done("-C", "field", "export", str(tmp_path / "field.trailmark"))
    other = Place(tmp_path / "another" / "home", offline(wheels, tmp_path / "cache-2", os.environ), capfd)
    other.home.mkdir(parents=True)
    other.done("import", str(tmp_path / "field.trailmark"))
    assert other.verify() == (0, {})
    shown = [one.done("-C", "field", "env") for one in (place, other)]
    assert shown[0]["digest"] == shown[1]["digest"]
    assert [one["state"] for one in shown] == ["proved", "proved"]


def test_a_wheels_hash_in_the_lock(place: Place) -> None:
    text = place.held("pylock.toml").read_text()
    digest = re.search(r'alpha-2\.0[^\n]*sha256 = "([0-9a-f]{64})"', text)
    assert digest is not None
    place.held("pylock.toml").write_text(text.replace(digest[1], "0" * 64))
    code, found = place.verify()
    assert (code, found.keys(), found["pylock.toml"]["cause"]) == (1, {"pylock.toml", "alpha"}, CHANGED)
    assert found["alpha"] == {
        "cause": "what the index has is not what the lock has",
        "recorded": f"sha256:{'0' * 64}",
        "rebuilt": f"sha256:{digest[1]}",
    }


def test_another_wheel_under_the_same_name(place: Place, wheels: Path) -> None:
    write_wheel(wheels, "alpha", "2.0", requires=["beta>=1"], files={"alpha/more.py": "x = 1\n"})
    code, found = place.verify()
    assert (code, found.keys()) == (1, {"alpha"})
    assert len({found["alpha"]["recorded"], found["alpha"]["rebuilt"], None}) == 3


def test_a_bases_digest(place: Place) -> None:
    held = place.held("base.toml")
    held.write_text(held.read_text().replace("1" * 64, "2" * 64))
    code, found = place.verify()
    assert (code, {what: one["cause"] for what, one in found.items()}) == (1, {"base": CHANGED})
    assert len({found["base"]["recorded"], found["base"]["rebuilt"], None}) == 3


def test_a_snippet(place: Place) -> None:
    place.held("snippets/10-a.dockerfile").write_text("RUN false\n")
    code, found = place.verify()
    assert (code, {what: one["cause"] for what, one in found.items()}) == (1, {"snippet 10-a": CHANGED})


def test_a_file_that_was_altered(place: Place) -> None:
    (place.site() / "alpha" / "__init__.py").write_text("__version__ = 'mine'\n")
    code, found = place.verify()
    assert (code, found.keys()) == (1, {"alpha: alpha/__init__.py"})
    one = found["alpha: alpha/__init__.py"]
    assert one["cause"] == "a file on this machine was altered"
    assert len({one["recorded"], one["rebuilt"], None}) == 3


@pytest.mark.needs("apt-get")
def test_a_system_packages_version(settings, wheels: Path, tmp_path: Path, capfd) -> None:
    place = Place(settings.home, offline(wheels, tmp_path / "cache", os.environ), capfd)
    made = Path(str(place.done("new", "field")["path"]))
    line = source_line(write_apt_repository(tmp_path / "debian"))
    with (made / "trailmark.toml").open("a") as manifest:
        manifest.write(f'\n[environment.apt]\npackages = ["delta"]\nchannels = [{json.dumps(line)}]\n')
    place.done("-C", "field", "env", "lock")
    assert place.verify() == (0, {})
    held = place.held("apt.toml")
    held.write_text(re.sub(r'(name = "beta"\nversion = )"2.0"', r'\1"1.0"', held.read_text()))
    code, found = place.verify()
    assert (code, {what: one["cause"] for what, one in found.items()}) == (1, {"apt.toml": CHANGED})
