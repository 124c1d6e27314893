"""R that is started from a shell: its expressions have entries of their own, its command has what is left."""

import os
import signal

import pytest

from trailmark_capture.config import Config
from trailmark_capture.journal import Entry
from trailmark_capture.r.environment import find_console
from trailmark_capture.shell.spool import SpoolReader

from .conftest import Terminal, entries

pytestmark = [
    pytest.mark.needs("R"),
    pytest.mark.skipif(
        find_console() is None and os.environ.get("CI") != "true",
        reason="not built: the console library (apt install gcc libc6-dev)",
    ),
]


def ended(config: Config) -> list[Entry]:
    return [entry for entry in entries(config) if entry["type"] == "end"]


def paths(entry: Entry, kind: str) -> list[str]:
    return [file["path"] for file in entry[kind] if not file["external"]]


def begin_r(terminal: Terminal) -> None:
    terminal.send("R --quiet --no-save\n")
    terminal.wait(lambda: terminal.screen.endswith(b"> ") and not terminal.screen.endswith(b"ready> "))


def evaluate(terminal: Terminal, line: str, answer: str) -> None:
    terminal.send(line + "\n")
    terminal.wait_for(answer)


def test_expressions_and_their_command_share_nothing(start, config: Config) -> None:
    (config.project / "in.csv").write_text("a\n1\n")
    terminal = start()
    begin_r(terminal)
    evaluate(terminal, "t <- read.csv('in.csv'); nrow(t) + 40", "[1] 41")
    evaluate(terminal, "writeLines('x', 'out.txt'); 40 + 2", "[1] 42")
    reader = SpoolReader(config)
    reader.drain()
    assert [entry["code"] for entry in entries(config)] == [
        "t <- read.csv('in.csv')",
        "nrow(t) + 40",
        "writeLines('x', 'out.txt')",
        "40 + 2",
        "R --quiet --no-save",
    ]
    terminal.run("q()")
    assert SpoolReader(config).drain() == 2
    found = {entry["code"]: entry for entry in ended(config)}
    command = found["R --quiet --no-save"]
    assert (command["kind"], command["status"], command["tool"]) == ("command", "ok", "terminal")
    assert (found["q()"]["kind"], found["q()"]["tool"]) == ("expression", "terminal")
    assert command["started"] < found["40 + 2"]["started"] < found["q()"]["ended"] < command["ended"]
    if config.shim is not None:
        assert paths(found["t <- read.csv('in.csv')"], "reads") == ["in.csv"]
        assert paths(found["writeLines('x', 'out.txt')"], "writes") == ["out.txt"]
        assert (paths(command, "reads"), paths(command, "writes")) == ([], [])
        assert command["files_log"] == found["q()"]["files_log"]
    assert SpoolReader(config).drain() == 0


def test_a_script_is_part_of_its_command(start, config: Config) -> None:
    (config.project / "s.R").write_text("plot(1)\nwriteLines('x', 'out.txt')\nplot(2)\n")
    terminal = start()
    terminal.run("Rscript s.R")
    terminal.run("Rscript -e 'plot(3)'")
    terminal.run("true")
    reader = SpoolReader(
        config, outputs=lambda _: [{"mime": "text/plain", "name": "stdout", "group": 0, "text": "t"}]
    )
    assert reader.drain() == 3
    first, second, third = ended(config)
    assert [output["mime"] for output in first["outputs"]] == ["text/plain", "image/png", "image/png"]
    assert [output["group"] for output in first["outputs"]] == [0, 1, 2]
    assert [len(entry["outputs"]) for entry in (second, third)] == [2, 1]
    assert {entry["kind"] for entry in ended(config)} == {"command"}
    if config.shim is not None:
        assert "out.txt" in paths(first, "writes")


@pytest.mark.parametrize("how", ["r", "shell"])
def test_what_is_killed_is_lost_once(start, config: Config, how: str) -> None:
    terminal = start()
    begin_r(terminal)
    evaluate(terminal, "40 + 2", "[1] 42")
    evaluate(terminal, "{ cat('on', 'it\\n'); Sys.sleep(60) }", "on it")
    reader = SpoolReader(config)
    assert reader.drain() == 1
    running = [entry for entry in entries(config) if entry["type"] == "begin"]
    assert [entry["kind"] for entry in running] == ["expression", "command"]
    if how == "r":
        os.kill(running[0]["pid"], signal.SIGKILL)
        terminal.wait(lambda: terminal.screen.endswith(b"ready> "))
        terminal.run("true")
    terminal.kill()
    terminal.wait(lambda: SpoolReader(config).drain() >= 0 and len(ended(config)) == (4 if how == "r" else 3))
    found = ended(config)
    statuses = [(entry["kind"], entry["status"]) for entry in found]
    assert statuses[:2] == [("expression", "ok"), ("expression", "lost")]
    assert statuses[2:] == (
        [("command", "error"), ("command", "ok")] if how == "r" else [("command", "lost")]
    )
    assert found[1]["id"] == running[0]["id"]
    assert [path.name for path in config.shell.iterdir()] == ["lock"]


@pytest.mark.parametrize("count", range(6))
def test_a_reader_may_be_killed_at_any_entry(start, config: Config, count: int) -> None:
    terminal = start()
    begin_r(terminal)
    evaluate(terminal, "1; writeLines('x', 'out.txt'); 40 + 2", "[1] 42")
    terminal.run("q()")
    taken: list[Entry] = []

    def refuse(entry: Entry) -> None:
        if len(taken) == count:
            raise OSError("full")
        taken.append(entry)

    if count < 5:
        with pytest.raises(OSError, match="full"):
            SpoolReader(config, refuse).drain()
    taken_again: list[Entry] = []
    SpoolReader(config, taken_again.append).drain()
    every = {entry["id"]: entry for entry in [*taken[:count], *taken_again] if entry["type"] == "end"}
    codes = [entry["code"] for entry in every.values()]
    assert codes == ["1", "writeLines('x', 'out.txt')", "40 + 2", "q()", "R --quiet --no-save"]
    assert len(taken[:count]) + len(taken_again) == 5
    command = next(entry for entry in every.values() if entry["kind"] == "command")
    assert command["writes"] == []
