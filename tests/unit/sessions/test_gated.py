"""The files of a tool are written where they belong, and through no link that a container made."""

import json
import os
import stat
from pathlib import Path

import pytest

from trailmark.projects.new import new_project
from trailmark.sessions.gated import Surroundings, write_gate
from trailmark.sessions.prepare import new_session
from trailmark.sessions.tools import find_tool

MINE = '{"mine": true}'


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def own(tmp_path):
    """The person's own settings of the same program."""
    folder = tmp_path / ".config" / "Code" / "User"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(MINE)
    return folder


def gate(project):
    tool = find_tool("code", project.settings)
    shared = project.state / "contained"
    around = Surroundings(
        "code-server",
        Path("/opt/p/python"),
        Path("/opt/c"),
        shared / "code-data",
        "0.0.0.0",
        "me",
        shared=shared,
    )
    write_gate(project, new_session(project, tool, "docker", "d" * 64), tool, around)
    return shared / "code-data"


def test_a_tool_finds_its_files(project):
    data = gate(project)
    told = json.loads((data / "Machine/settings.json").read_text())
    shell = told["terminal.integrated.profiles.linux"]["Trailmark"]["path"]
    assert shell == str(data / "trailmark-shell")
    assert stat.S_IMODE(os.stat(shell).st_mode) == 0o700
    assert gate(project) == data


@pytest.mark.parametrize("linked", ["code-data", "code-data/Machine", "code-data/Machine/settings.json"])
def test_the_persons_own_files_are_left_where_a_link_leads_to_them(project, own, linked):
    place = project.state / "contained" / linked
    place.parent.mkdir(parents=True)
    place.symlink_to(own / "settings.json" if linked.endswith("json") else own)
    before = sorted(path.name for path in own.iterdir())
    data = gate(project)
    assert (own / "settings.json").read_text() == MINE
    assert sorted(path.name for path in own.iterdir()) == before
    assert "Trailmark" in (data / "Machine/settings.json").read_text()


@pytest.mark.parametrize("way", ["file", "folder", "locked"])
def test_what_stands_in_the_way_is_set_aside(project, way):
    machine = project.state / "contained" / "code-data" / "Machine"
    machine.parent.mkdir(parents=True)
    if way == "file":
        machine.write_text("x")
    else:
        (machine / "settings.json" / "more").mkdir(parents=True)
        if way == "locked":
            machine.chmod(0)
    data = gate(project)
    assert "Trailmark" in (data / "Machine/settings.json").read_text()
