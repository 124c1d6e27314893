"""Tools are read strictly from their files, and say why they are not there."""

import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.errors import InvalidInput
from trailmark.sessions.tools import catalogue as tools_catalogue
from trailmark.sessions.tools import find_tool, load_tools, look_for
from trailmark.sessions.tools.model import PLACEHOLDERS, fill, placeholders
from trailmark.sessions.tools.read import parse_tool

FILES = sorted(Path(tools_catalogue.__file__).parent.glob("*.toml"))
GOOD = """
id = "x"
title = "X"
summary = "A tool."
icon = "code"
server = "gate"
capture = "shell"
health = "ready"
program = "x-server"
command = ["{program}", "--port={port}"]
"""


def test_the_tools_there_are():
    assert [tool.id for tool in load_tools()] == ["jupyterlab", "rstudio", "terminal", "code"]
    assert find_tool("code").title == "VS Code"
    with pytest.raises(InvalidInput, match="jupyterlab, rstudio, terminal, code"):
        find_tool("emacs")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_named_like_its_tool(file):
    assert parse_tool(file.read_text(encoding="utf-8"), file=file.name).id == file.stem


@pytest.mark.parametrize(("change", "wrong"), [
    (("id = \"x\"", "id = \"X Y\""), "id"),
    (("title = \"X\"", "title = 3"), "title"),
    (("server = \"gate\"", "server = \"none\""), "server"),
    (("capture = \"shell\"", "capture = \"all\""), "capture"),
    (("health = \"ready\"", "health = \"a b\""), "health"),
    (("--port={port}", "--port=80"), "command"),
    (("--port={port}", "{port} {passwd}"), "passwd"),
    (("program = \"x-server\"", ""), "command"),
    (("server = \"gate\"", "server = \"jupyter\""), "command"),
    (("[\"{program}\", \"--port={port}\"]", "\"x {port}\""), "command"),
    (("title", "tilte"), "tilte"),
])  # fmt: skip
def test_what_is_wrong_is_named(change, wrong):
    with pytest.raises(InvalidInput, match=wrong):
        parse_tool(GOOD.replace(*change), file="x.toml")


@pytest.mark.parametrize("files", [
    '"/etc/passwd" = "x"', '"{session}/../../x" = "x"', '"{project}/x" = "x"', '"relative" = "x"',
])  # fmt: skip
def test_a_tool_writes_into_its_own_folders_alone(files):
    with pytest.raises(InvalidInput, match="below"):
        parse_tool(f"{GOOD}\n[files]\n{files}", file="x.toml")


@given(st.text() | st.builds(lambda key, value: GOOD + f"\n{key} = {value!r}", st.sampled_from(
    ["places", "layer", "files", "env", "understands", "page", "install", "extra"]),
    st.integers() | st.booleans() | st.lists(st.text(max_size=5), max_size=3)))  # fmt: skip
def test_no_file_can_break_the_reader(text):
    try:
        tool = parse_tool(text, file="x.toml")
    except InvalidInput as error:
        said = str(error)
    else:
        said = "x.toml" if tool.id == tomllib.loads(text)["id"] else ""
    assert "x.toml" in said


@given(st.dictionaries(st.sampled_from(sorted(PLACEHOLDERS)), st.text(), max_size=4), st.text())
def test_what_is_filled_in_is_not_filled_again(values, text):
    filled = fill(text, values)
    assert fill("{program}", {"program": "{socket}", "socket": "no"}) == "{socket}"
    if not placeholders(text):
        assert filled == text


def test_a_program_is_found_where_a_person_put_it_for_trailmark(settings):
    tool = replace(find_tool("code"), program="x-server", places=("{tools}/x/bin",))
    missing = look_for(tool, settings, {"PATH": "/nowhere"})
    assert (missing.is_there, missing.program) == (False, None)
    assert "x-server is not on this machine" in (missing.reason or "")
    assert str(settings.home / "tools") in missing.install
    program = settings.home / "tools" / "x" / "bin" / "x-server"
    make_program(program, "exit 0")
    assert look_for(tool, settings, {"PATH": "/nowhere"}).program == str(program)


def test_a_program_that_is_too_old_is_not_started(settings, tmp_path):
    make_program(tmp_path / "rserver", 'echo "  --auth-none --www-port"')
    found = look_for(find_tool("rstudio"), settings, {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    assert not found.is_there
    assert "--www-socket" in (found.reason or "")


def make_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
