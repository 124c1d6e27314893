"""R in a notebook: IRkernel as the system has it, seen by the same observer as Python."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.jupyter_room import Entry, Notebook, Room, make_environment

from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.r.environment import environment_for

pytestmark = pytest.mark.needs("R")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    found = subprocess.run(
        ["R", "--no-echo", "-e", "cat(requireNamespace('IRkernel', quietly = TRUE))"],
        capture_output=True,
        text=True,
    )
    if found.stdout != "TRUE":
        reason = "not installed: IRkernel (apt install r-cran-irkernel)"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(reason)
    python = make_environment(tmp_path_factory.mktemp("environment"))
    room = Room(tmp_path_factory.mktemp("room"), python)
    yield room
    room.stop()


@pytest.fixture(scope="module")
def notebook(room: Room) -> Iterator[Notebook]:
    notebook = Notebook(room, "code/r.ipynb", "ir")
    yield notebook
    notebook.close()


def text(entry: Entry, name: str | None) -> str:
    return "".join(
        output["text"] for output in entry["outputs"] if output["name"] == name and "text" in output
    )


def paths(files: list[Entry]) -> list[str]:
    return [file["path"] for file in files if not file["external"]]


def test_the_systems_kernel_is_offered(room: Room) -> None:
    specs = room.ask("GET", "/api/kernelspecs")["kernelspecs"]
    assert specs["ir"]["spec"]["language"] == "R"


def test_a_cell_is_recorded_whole(notebook: Notebook) -> None:
    entry = notebook.run("x <- 6\ncat('hello\\n')\nx * 7", "r-1")
    assert (entry["kind"], entry["status"], entry["language"]) == ("cell", "ok", "R")
    assert entry["source"] == "code/r.ipynb#r-1"
    assert text(entry, "stdout") == "hello\n"
    assert "[1] 42" in [output.get("text") for output in entry["outputs"] if output["mime"] == "text/plain"]
    assert entry["execution_count"] == 1


def test_a_figure(notebook: Notebook) -> None:
    entry = notebook.run("plot(1:10)", "r-plot")
    assert "image/png" in [output["mime"] for output in entry["outputs"]]
    assert paths(entry["writes"]) == []


def test_messages_warnings_and_errors(notebook: Notebook) -> None:
    entry = notebook.run("message('said'); warning('late'); stop('broken: ', 3)", "r-error")
    assert entry["status"] == "error"
    assert "broken: 3" in entry["error"]["value"]
    assert "\x1b" not in entry["error"]["traceback"]
    assert "said" in text(entry, "stderr")
    assert "late" in text(entry, "stderr")
    aborted = notebook.run("'next'", "r-next")
    assert aborted["status"] == "ok"


def test_files_of_a_cell(notebook: Notebook) -> None:
    if find_shim() is None:
        pytest.skip("the shim was not built: there is no C compiler, or this is no Linux")
    (notebook.room.project / "in.csv").write_text("a,b\n1,2\n")
    entry = notebook.run("t <- read.csv('../in.csv'); write.csv(t, '../out.csv')", "r-files")
    assert (paths(entry["reads"]), paths(entry["writes"])) == (["in.csv"], ["out.csv"])
    assert entry["files_by"] == "shim"
    drawn = notebook.run("png('../mine.png'); plot(1); invisible(dev.off())", "r-device")
    assert paths(drawn["writes"]) == ["mine.png"]


def test_an_interrupted_cell(notebook: Notebook) -> None:
    asked = notebook.send("cat('waiting\\n'); flush.console(); Sys.sleep(60)", "r-interrupted")
    time.sleep(1.5)
    notebook.room.ask("POST", f"/api/kernels/{notebook.kernel}/interrupt")
    notebook.await_reply(asked)
    (entry,) = notebook.room.wait(lambda found: found["cell"] == "r-interrupted")
    assert entry["status"] == "interrupted"


def test_a_restart_and_a_death(notebook: Notebook) -> None:
    notebook.room.ask("POST", f"/api/kernels/{notebook.kernel}/restart")
    entry = notebook.run("exists('x')", "r-restarted")
    assert "[1] FALSE" in [output.get("text") for output in entry["outputs"]]
    notebook.send("cat('on\\n'); Sys.sleep(60)", "r-killed")
    begun: list[Entry] = []
    while not begun:
        time.sleep(0.1)
        begun = [found for found in notebook.room.entries() if found["cell"] == "r-killed"]
    os.kill(begun[0]["pid"], signal.SIGKILL)
    (lost,) = notebook.room.wait(lambda found: found["cell"] == "r-killed")
    assert (lost["id"], lost["status"]) == (begun[0]["id"], "lost")


def test_r_in_a_terminal_beside_the_notebook(room: Room) -> None:
    terminal = room.ask("POST", "/api/terminals")["name"]
    channel = room.connect(f"/terminals/websocket/{terminal}")

    def type_in(text: str, until: str) -> None:
        channel.send(json.dumps(["stdin", text]))
        seen = ""
        while until not in seen:
            kind, *words = json.loads(channel.recv())
            seen += words[0] if kind == "stdout" else ""

    type_in("", "$ " if os.getuid() else "# ")
    type_in("R --quiet --no-save\r", "> ")
    type_in("writeLines('x', 'from-r.txt'); plot(1:3)\r", "> ")
    type_in("stop('in the terminal')\r", "> ")
    (wrote,) = room.wait(lambda entry: entry["code"].startswith("writeLines"))
    (drawn,) = room.wait(lambda entry: entry["code"] == "plot(1:3)")
    (failed,) = room.wait(lambda entry: entry["code"].startswith("stop('in"))
    type_in("q()\r", "133;D;0")
    (command,) = room.wait(lambda entry: entry["code"].startswith("R --quiet"))
    assert [entry["kind"] for entry in (wrote, drawn, failed, command)] == [*["expression"] * 3, "command"]
    assert {entry["tool"] for entry in (wrote, drawn, failed, command)} == {"terminal"}
    if find_shim() is not None:
        assert (paths(wrote["writes"]), paths(command["writes"])) == (["from-r.txt"], [])
    assert [output["mime"] for output in drawn["outputs"]] == ["image/png"]
    assert failed["error"]["value"] == "in the terminal"
    assert "in the terminal" not in json.dumps(command)
    type_in("Rscript -e 'plot(1)'\r", "133;D;0")
    (script,) = room.wait(lambda entry: entry["code"].startswith("Rscript"))
    assert [output["mime"] for output in script["outputs"]][-1] == "image/png"
    channel.close()
    room.ask("DELETE", f"/api/terminals/{terminal}")


def test_capture_of_consoles_leaves_the_kernel_alone(notebook: Notebook, room: Room) -> None:
    """A kernel that is started from one of our terminals has the variables of that."""
    config = Config.load(room.folder / "capture.json")
    environ = {**os.environ, **environment_for(config, "r", os.environ)}
    started = subprocess.Popen(
        ["R", "--slave", "-e", "IRkernel::main()", "--args", "no-such-file"],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    started.wait(30)
    assert not list(Path(environ["TRAILMARK_R"]).glob("*.process"))
    assert json.loads((Path(environ["TRAILMARK_R"]) / "session.json").read_text())["tool"] == "jupyterlab"
