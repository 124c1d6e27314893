"""The commands of `trailmark env`, called as a person or program would."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from trailmark.testing.apt_repositories import source_line, write_apt_repository
from trailmark.testing.conda_channels import write_conda_channel
from trailmark.testing.r_repositories import write_r_package, write_r_repository
from trailmark.testing.wheels import offline, write_index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have uv know only the packages of a folder."""
    folder = write_index(tmp_path / "wheels")
    for name, value in offline(folder, tmp_path / "uv-cache", os.environ).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def ask(rain: Path):
    """Write what is asked of a manager into trailmark.toml."""

    def write(manager: str, **fields: object) -> None:
        path = rain / "trailmark.toml"
        lines = "".join(f"{name} = {value!r}\n" for name, value in fields.items())
        path.write_text(path.read_text() + f"\n[environment.{manager}]\n{lines}")

    return write


def test_search_looks_where_the_lock_looks(call, rain, ask, index, tmp_path):
    ask("conda", channels=[str(write_conda_channel(tmp_path / "channel"))])
    ask("r", channels=[str(write_r_repository(tmp_path / "cran"))])
    if os.access("/usr/bin/apt-get", os.X_OK):
        ask("apt", channels=[source_line(write_apt_repository(tmp_path / "debian"))])
    for manager in ("conda", "r", "apt") if os.access("/usr/bin/apt-get", os.X_OK) else ("conda", "r"):
        found = call("-C", "rain", "env", "search", "alp", "--manager", manager, "--json").value
        assert found == [{"manager": manager, "name": "alpha", "version": "2.0"}]
        listed = call("-C", "rain", "env", "search", "beta", "--manager", manager, "--versions", "--json")
        assert listed.value == {"manager": manager, "name": "beta", "versions": ["2.0", "1.0"]}


def test_search_of_pythons_packages(call, rain, index):
    assert call("env", "search", "alpha", "--json").value[:1] == [
        {"manager": "pip", "name": "alpha", "version": "2.0"}
    ]
    assert len(call("env", "search", "alpha", "--limit", "2", "--json").value) == 2
    assert call("env", "search", "alpha", "--versions").out.split() == ["2.0", "1.0"]
    assert "pip knows no package" in call("env", "search", "zzz-no-such-thing").out
    assert "no version of zzz-none" in call("env", "search", "zzz-none", "--versions").out
    assert call("env", "search", "alpha", "--manager", "npm").code == 1


@pytest.mark.needs("Rscript")
def test_where_to_look_is_said_with_the_package(call, rain, index, tmp_path):
    cran = tmp_path / "cran"
    write_r_package(cran / "2024-05-01", "beta", "1.0")
    write_r_package(cran / "latest", "beta", "2.0")
    place = f"{cran}/{{snapshot}}"
    added = call(
        "-C",
        "rain",
        "env",
        "add",
        "--manager",
        "r",
        "--channel",
        place,
        "--day",
        "2024-05-01",
        "beta",
        "--json",
    )
    assert "+ beta 1.0 (r)" in added.value["changes"]
    assert (
        call("-C", "rain", "env", "search", "beta", "--manager", "r", "--json").value[0]["version"] == "1.0"
    )
    text = (rain / "trailmark.toml").read_text()
    for words in (
        ("--channel", "x"),
        ("--manager", "conda", "--day", "2024-05-01"),
        ("--manager", "r", "--day", "x"),
    ):
        refused = call("-C", "rain", "env", "add", *words, "beta")
        assert (refused.code, "Traceback" in refused.err) == (1, False)
    assert (rain / "trailmark.toml").read_text() == text


def test_where_to_look_stays_when_the_last_package_goes(call, rain, ask, index, tmp_path):
    channel = str(write_conda_channel(tmp_path / "channel"))
    ask("conda", channels=[channel])
    added = call("-C", "rain", "env", "add", "--manager", "conda", "alpha<2", "--json")
    assert "+ alpha 1.0 (conda)" in added.value["changes"]
    assert call("-C", "rain", "env", "remove", "--manager", "conda", "alpha").code == 0
    text = (rain / "trailmark.toml").read_text()
    assert channel in text
    assert "alpha" not in text


def test_a_channel_is_no_part_of_a_name(call, rain, ask, index, tmp_path):
    channel = write_conda_channel(tmp_path / "channel")
    ask("conda", channels=[str(channel)], packages=[f"{channel}::alpha<2"])
    assert call("-C", "rain", "env", "lock", "--json").code == 0
    line = call("-C", "rain", "env", "show", "--json").value["packages"][0]
    assert (line["name"], line["version"], line["origin"]) == ("alpha", "1.0", "project")
    assert line["requested"].replace(" ", "") == f"<2of{channel}"
    assert call("-C", "rain", "env", "add", "--manager", "conda", "beta=1", "--json").code == 0
    saved = call("-C", "rain", "env", "save-base", "mine")
    assert (saved.code, saved.err) == (0, "")


def test_what_could_not_be_compared_is_no_difference(call, rain, index):
    assert call("-C", "rain", "env", "verify").code == 2
    assert call("-C", "rain", "env", "add", "alpha").code == 0
    assert call("-C", "rain", "env", "verify", "--json").value["ok"] is True
    lock = rain / "environment" / "pylock.toml"
    lock.write_text("<<<<<<<\n" + lock.read_text())
    said = call("-C", "rain", "env", "verify", "--json")
    assert (said.code, said.out, "pylock.toml" in said.err) == (2, "", True)
    assert call("-C", "rain", "env", "lock").code == 0
    assert call("-C", "rain", "env", "update", "nosuchthing").code == 1


def test_nothing_is_written_when_an_image_cannot_be(call, rain, tmp_path, monkeypatch):
    images = SimpleNamespace(find=lambda digest: None)
    engine = SimpleNamespace(name="docker", images=images)
    monkeypatch.setattr("trailmark.cli.export._containers", lambda *_: engine)
    target = tmp_path / "rain.trailmark"
    assert call("-C", "rain", "export", str(target), "--with-image").code == 1
    (tmp_path / "rain.trailmark.image.tar").write_bytes(b"mine")
    assert "image.tar" in call("-C", "rain", "export", str(target), "--with-image").err
    assert not target.exists()
