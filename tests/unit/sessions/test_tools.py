"""Tools are read strictly from their files, and say why they are not there."""

import re
import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.errors import InvalidInput
from trailmark.sessions.tools import catalogue as tools_catalogue
from trailmark.sessions.tools import find_tool, load_tools, look_for, problems_of, tools_folder
from trailmark.sessions.tools.inside import program_in_image
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


def test_the_tools_there_are(settings):
    assert [tool.id for tool in load_tools(settings)] == ["jupyterlab", "rstudio", "terminal", "code"]
    assert find_tool("code", settings).title == "VS Code"
    with pytest.raises(InvalidInput, match="jupyterlab, rstudio, terminal, code"):
        find_tool("emacs", settings)


def test_a_person_adds_a_tool_by_a_file(settings):
    tools_folder(settings).mkdir()
    (tools_folder(settings) / "x.toml").write_text(GOOD)
    assert [tool.id for tool in load_tools(settings)] == ["jupyterlab", "rstudio", "terminal", "code", "x"]
    assert find_tool("x", settings).program == "x-server"
    assert problems_of(settings) == ()


@pytest.mark.parametrize(("name", "data", "wrong"), [
    ("x", GOOD.replace("gate", "none").encode(), "“server” in .*x.toml"),
    ("y", GOOD.encode(), "“id” in .*y.toml must be “y”"),
    ("code", GOOD.replace('id = "x"', 'id = "code"').encode(), "“code” is a tool that comes with Trailmark"),
    ("x", b"\xff", "x.toml cannot be read"),
    ("x", b"#" * 200_000, "x.toml is too large"),
])  # fmt: skip
def test_a_tool_of_ones_own_that_is_wrong_takes_no_other_away(settings, name, data, wrong):
    tools_folder(settings).mkdir()
    (tools_folder(settings) / f"{name}.toml").write_bytes(data)
    assert [tool.id for tool in load_tools(settings)] == ["jupyterlab", "rstudio", "terminal", "code"]
    [problem] = problems_of(settings)
    assert re.search(wrong, problem)
    if name != "code":
        with pytest.raises(InvalidInput, match=wrong):
            find_tool(name, settings)
    assert find_tool("code", settings).title == "VS Code"


def test_where_a_program_is_in_an_image(settings):
    assert program_in_image(find_tool("code", settings)) == "/opt/trailmark-tools/code-server/bin/code-server"
    assert program_in_image(find_tool("rstudio", settings)) == "/usr/lib/rstudio-server/bin/rserver"
    assert program_in_image(parse_tool(GOOD, file="x.toml")) == "x-server"


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
    (("\n", "\nlayer = { run = [\"touch /tmp/x\"] }\n"), "layer.run"),
    (("\n", "\nlayer = { run = [\"a\\n{tools}\"] }\n"), "layer.run"),
    (("\n", "\nlayer = { apt = [\"-o=x\"] }\n"), "layer.apt"),
    (("\n", "\nlayer = { build = [\"a; b\"] }\n"), "layer.build"),
])  # fmt: skip
def test_what_is_wrong_is_named(change, wrong):
    with pytest.raises(InvalidInput, match=wrong):
        parse_tool(GOOD.replace(*change, 1), file="x.toml")


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
    tool = replace(find_tool("code", settings), program="x-server", places=("{tools}/x/bin",))
    missing = look_for(tool, settings, {"PATH": "/nowhere"})
    assert (missing.is_there, missing.program) == (False, None)
    assert "x-server is not on this machine" in (missing.reason or "")
    assert str(settings.home / "tools") in missing.install
    program = settings.home / "tools" / "x" / "bin" / "x-server"
    make_program(program, "exit 0")
    assert look_for(tool, settings, {"PATH": "/nowhere"}).program == str(program)


def test_a_program_that_is_too_old_is_not_started(settings, tmp_path):
    make_program(tmp_path / "rserver", 'echo "  --auth-none --www-port"')
    found = look_for(find_tool("rstudio", settings), settings, {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    assert not found.is_there
    assert "--www-socket" in (found.reason or "")


def test_a_program_that_was_mended_or_replaced_is_asked_again(settings, tmp_path):
    tool = find_tool("rstudio", settings)
    where = {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    knows = f'echo "{" ".join(tool.understands)}"'
    make_program(tmp_path / "rserver", f'test -e "{tmp_path}/library" || exit 127\n{knows}')
    assert not look_for(tool, settings, where).is_there
    (tmp_path / "library").touch()
    assert look_for(tool, settings, where).is_there
    make_program(tmp_path / "rserver", "echo older")
    assert not look_for(tool, settings, where).is_there
    make_program(tmp_path / "rserver", knows)
    assert look_for(tool, settings, where).is_there


def make_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
