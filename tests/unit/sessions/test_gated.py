"""The files of a tool are written where they belong, and through no link that a container made."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from trailmark.projects.apps import App
from trailmark.projects.new import new_project
from trailmark.sessions.apps import tool_of
from trailmark.sessions.gated import Surroundings, write_gate
from trailmark.sessions.prepare import new_session
from trailmark.sessions.tools import find_tool
from trailmark.sessions.tools.quoting import fill_file

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


def test_a_strange_path_means_itself_in_every_file(project, tmp_path):
    """A script runs what lies there, and JSON can be read."""
    strange = tmp_path / 'a "b" $(touch x) `c` it\'s \\'
    beside = strange / "bin"
    beside.mkdir(parents=True)
    for name in ("python", "rsession", "rserver"):
        (beside / name).write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
        (beside / name).chmod(0o700)
    around = Surroundings(
        str(beside / "rserver"), beside / "python", strange, strange / "data", "127.0.0.1", "me"
    )
    code = find_tool("code", project.settings)
    write_gate(project, new_session(project, code, "local", "d" * 64), code, around)
    told = json.loads((strange / "data/Machine/settings.json").read_text())
    shell = told["terminal.integrated.profiles.linux"]["Trailmark"]["path"]
    said = subprocess.run([shell], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert said.stdout == f"{strange} -P -m trailmark_capture.gate.terminal\n"
    rstudio = find_tool("rstudio", project.settings)
    file = write_gate(project, new_session(project, rstudio, "local", "d" * 64), rstudio, around)
    (file.parent / "own").mkdir()
    (file.parent / "own/variables.sh").touch()
    said = subprocess.run(
        [file.parent / "rsession"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert f"--session-default-working-dir={project.path}" in said.stdout
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("written", ["{data}", '"{data}"', "'{data}'", '"a\\"{data}"', "a{data}'{data}'"])
def test_a_script_may_quote_or_not(written):
    value = 'it\'s "$HOME" `id` \\ *'
    script = fill_file("x", f"#!/bin/sh\nprintf %s {written}", {"data": value})
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    shown = written.replace('\\"', "Q").replace("'", "").replace('"', "").replace("Q", '"')
    assert said == shown.replace("{data}", value)


def test_the_command_of_an_app_is_the_persons_own(project):
    words = ("serve", "--template={name}", "{user}", "{port}")
    tool = tool_of(App("api", "custom", "api", words))
    around = Surroundings(None, Path("/p"), Path("/c"), Path("/d"), "127.0.0.1", "me")
    file = write_gate(project, new_session(project, tool, "local", "d" * 64), tool, around)
    assert json.loads(file.read_text())["argv"] == list(words)
