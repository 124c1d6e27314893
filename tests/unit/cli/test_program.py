"""The command line as a whole: help, exit codes, and what a person is told when something fails."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from trailmark.cli import program
from trailmark.errors import CommandFailed, NotFound

COMMANDS = [name for commands in program.SECTIONS.values() for name in commands]


def run(*arguments: str, **environ: str) -> int:
    return program.run(arguments, {**os.environ, **environ}, Path.cwd())


def test_help_names_every_command(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name} " in text


def test_help_imports_no_command_and_no_domain():
    code = "import sys\nfrom trailmark.cli import program\nprogram.run(['--help'], {}, None)\n"
    code += "print('\\n'.join(m for m in sys.modules if m.startswith('trailmark')), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) == {
        "trailmark",
        "trailmark.errors",
        "trailmark.cli",
        "trailmark.cli.failures",
        "trailmark.cli.invocation",
        "trailmark.cli.output",
        "trailmark.cli.program",
        "trailmark.cli.verb",
    }


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("trailmark 0.")


def test_unknown_command_is_wrong_use_and_names_the_near_one(capsys):
    assert run("verfy") == 2
    assert "Did you mean `trailmark verify`?" in capsys.readouterr().err


def test_wrong_option_is_wrong_use(capsys):
    assert run("doctor", "--colour") == 2
    assert "colour" in capsys.readouterr().err


@pytest.fixture
def failing(monkeypatch):
    """Let `trailmark doctor` raise what the test puts in."""
    module = importlib.import_module("trailmark.cli.doctor")

    def install(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(module, "command", click.Command("doctor", callback=fail))

    return install


def test_refusal_is_told_without_traceback(failing, capsys):
    failing(NotFound("There is no project named rain."))
    assert run("doctor") == 1
    assert capsys.readouterr().err == "Not done: There is no project named rain.\n"


def test_words_of_an_outside_program_are_shown(failing, capsys):
    failing(CommandFailed("The packages could not be resolved.", output="no such version\n"))
    assert run("doctor") == 1
    assert capsys.readouterr().err == "Not done: The packages could not be resolved.\n  no such version\n"


def test_terminal_commands_in_a_message_are_disarmed(failing, capsys):
    failing(NotFound("There is no branch \x1b]0;owned\x07."))
    run("doctor")
    assert "\x1b]" not in capsys.readouterr().err


def test_interruption_is_130(failing, capsys):
    failing(KeyboardInterrupt())
    assert run("doctor") == 130
    assert "Stopped." in capsys.readouterr().err


def test_unforeseen_error_is_short_and_logged(failing, capsys, home):
    failing(KeyError("x"))
    assert run("doctor") == 1
    told = capsys.readouterr().err
    log = home / "log" / "trailmark.log"
    assert str(log) in told
    assert "Traceback" not in told
    assert "KeyError: 'x'" in log.read_text(encoding="utf-8")


def test_debugging_shows_the_traceback(failing, capsys, home):
    failing(KeyError("x"))
    assert run("doctor", TRAILMARK_DEBUG="1") == 1
    assert "Traceback" in capsys.readouterr().err


def test_json_may_stand_before_or_after_the_command(capsys, home):
    for arguments in (["--json", "doctor"], ["doctor", "--json"]):
        run(*arguments)
        assert json.loads(capsys.readouterr().out)


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


def test_every_command_has_help_with_an_example(capsys):
    for path in every_command(program.program):
        assert run(*path, "--help") == 0
        text = capsys.readouterr().out
        assert "--json" in text
        assert f"trailmark {' '.join(path)}" in text.partition("\n")[2], f"{path}: no example in its help"


def test_names_that_no_terminal_can_show_are_shown_escaped(trailmark, settings):
    (settings.projects / "ada" / "rain").mkdir(parents=True)
    for options in ([], ["--json"]):
        done = subprocess.run(
            [*trailmark, "-C", b"caf\xe9 \xe2\x98\x82", "status", *options],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 1
        assert b"caf" in done.stderr
        assert b"Traceback" not in done.stderr


def test_json_is_one_line_of_ascii_for_programs(capsys, home):
    run("doctor", "--json")
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1


def test_a_catalogue_that_cannot_be_had_takes_no_other_away(call, settings, tmp_path) -> None:
    missing, broken = (f"file://{tmp_path}/{name}" for name in ("missing.git", "other.git"))
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "settings.toml").write_text(f'bases = ["{missing}", "{broken}"]\n')
    answer = call("bases", "--refresh")
    assert answer.code == 1
    assert [place for place in (missing, broken) if place not in answer.err] == []
    assert "r-minimal" in answer.out
