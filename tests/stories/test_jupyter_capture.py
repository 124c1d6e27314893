"""What is run in Jupyter stands in the journal: a real server, a real kernel, no browser."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from jupyter_client.blocking import BlockingKernelClient
from tests.stories.jupyter_room import Entry, Notebook, Room, make_environment

from trailmark_capture.files import find_shim

LIMIT = 1_000_000


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Iterator[Room]:
    room = Room(tmp_path_factory.mktemp("room"), python, max_output_bytes=LIMIT)
    yield room
    room.stop()


@pytest.fixture
def another_room(tmp_path: Path, python: Path) -> Iterator[Callable[..., Room]]:
    """Starts servers that a test may stop or kill."""
    started: list[Room] = []

    def start(**facts: Any) -> Room:
        started.append(Room(tmp_path / "room", python, **facts))
        return started[-1]

    yield start
    for room in started:
        room.stop()


@pytest.fixture(scope="module")
def notebook(room: Room) -> Iterator[Notebook]:
    notebook = Notebook(room, "code/a.ipynb")
    yield notebook
    notebook.close()


@pytest.fixture
def other(room: Room) -> Iterator[Notebook]:
    """A notebook with a kernel of its own, to be ill-treated."""
    notebook = Notebook(room, "code/other.ipynb")
    yield notebook
    notebook.close()


def text(entry: Entry) -> str:
    return "".join(output.get("text", "") for output in entry["outputs"])


def paths(files: list[Entry]) -> list[str]:
    return [file["path"] for file in files]


def continued(room: Room, entry: Entry, count: int = 1) -> list[Entry]:
    return room.wait(lambda found: found["continues"] == entry["id"], count)


def test_a_cell_is_recorded_whole(notebook: Notebook) -> None:
    entry = notebook.run("print('hello')\n6 * 7", "cell-1")
    assert (entry["kind"], entry["status"], entry["source"]) == ("cell", "ok", "code/a.ipynb#cell-1")
    assert (entry["tool"], entry["session"], entry["language"]) == ("jupyterlab", "01SESSION", "python")
    assert [(output["name"], output["group"], output["text"]) for output in entry["outputs"]] == [
        ("stdout", 0, "hello\n"),
        (None, 1, "42"),
    ]
    begin = next(found for found in notebook.room.entries() if found["id"] == entry["id"])
    assert begin["type"] == "begin"
    assert begin["started"] == entry["started"] < entry["ended"]


def test_the_first_cell_of_a_kernel_is_never_lost(room: Room) -> None:
    for number in range(4):
        fresh = Notebook(room, f"code/fresh{number}.ipynb")
        fresh.await_idle(fresh.send("'first'", f"first-{number}"))
        fresh.close()
    found = room.wait(lambda entry: (entry["cell"] or "").startswith("first-"), 4)
    assert [entry["notebook"] for entry in found] == [f"code/fresh{number}.ipynb" for number in range(4)]


def test_the_kernel_runs_in_the_persons_environment(notebook: Notebook, python: Path) -> None:
    names = ["JUPYTER_TOKEN", "JUPYTER_CONFIG_DIR", "VIRTUAL_ENV"]
    entry = notebook.run(f"import os, sys\nprint(sys.prefix)\nprint([os.environ.get(n) for n in {names}])")
    prefix = str(python.parents[1])
    assert text(entry).splitlines() == [prefix, str([None, None, prefix])]
    assert text(notebook.run("'leak' in os.environ.get('PYTHONPATH', '')")) == "False"
    specs = notebook.room.ask("GET", "/api/kernelspecs")["kernelspecs"]
    assert specs["python3"]["spec"]["display_name"] == "Python (story)"
    assert specs["python3"]["spec"]["argv"][0] == str(python)


def test_an_error_and_the_cells_behind_it(notebook: Notebook) -> None:
    asked = [
        notebook.send(code, f"error-{number}")
        for number, code in enumerate(["import time; time.sleep(.3); 1/0", "2", "3"])
    ]
    notebook.await_idle(asked[-1])
    first, *rest = notebook.room.wait(lambda entry: (entry["cell"] or "").startswith("error-"), 3)
    assert (first["status"], first["error"]["name"]) == ("error", "ZeroDivisionError")
    assert "\x1b" not in first["error"]["traceback"]
    assert [(entry["status"], entry["code"], entry["outputs"]) for entry in rest] == [
        ("aborted", "2", []),
        ("aborted", "3", []),
    ]


def test_an_interrupted_cell(notebook: Notebook) -> None:
    asked = notebook.send("import time\nprint('waiting', flush=True)\ntime.sleep(60)", "interrupted")
    notebook.await_kind(asked, "stream")
    notebook.room.ask("POST", f"/api/kernels/{notebook.kernel}/interrupt")
    notebook.await_idle(asked)
    (entry,) = notebook.room.wait(lambda entry: entry["cell"] == "interrupted")
    assert (entry["status"], text(entry)) == ("interrupted", "waiting\n")


def test_a_restart_in_the_middle_of_a_cell(other: Notebook) -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code = deaf + "print('on', flush=True)\ntime.sleep(60)"
    asked = other.send(code, "restarted")
    other.await_kind(asked, "stream")
    other.room.ask("POST", f"/api/kernels/{other.kernel}/restart")
    (entry,) = other.room.wait(lambda entry: entry["cell"] == "restarted")
    assert (entry["status"], text(entry)) == ("lost", "on\n")
    assert other.run("'after'", "after-restart")["status"] == "ok"
    (note,) = other.room.wait(lambda found: found["kind"] == "note" and found["started"] > entry["ended"])
    assert (note["title"], note["source"]) == ("The kernel was restarted", "code/other.ipynb")


def test_a_cell_that_is_asked_while_the_kernel_is_dead_runs_in_the_next_one(other: Notebook) -> None:
    other.send("import os\nos._exit(1)", "dies")
    other.send("'waits'", "waits")
    (entry,) = other.room.wait(lambda entry: entry["cell"] == "dies")
    assert entry["status"] == "lost"
    asked = other.send("'asked'", "asked")
    other.await_reply(asked)
    assert text(other.room.wait(lambda entry: entry["cell"] == "asked")[0]) == "'asked'"
    assert (
        len([found for found in other.room.entries() if found["type"] == "end" and found["cell"] == "asked"])
        == 1
    )
    waits = [found for found in other.room.entries() if found["type"] == "end" and found["cell"] == "waits"]
    # What stood in the server's own queue when the process died reaches the next one, or is lost with the first.
    assert [found["status"] for found in waits] in (["aborted"], ["ok"])


def test_a_crash_is_recorded_and_the_kernel_comes_back(other: Notebook) -> None:
    other.send("print('last words', flush=True)\nimport os, time\ntime.sleep(.2)\nos._exit(1)", "crash")
    (entry,) = other.room.wait(lambda entry: entry["cell"] == "crash")
    assert (entry["status"], text(entry)) == ("lost", "last words\n")
    assert other.run("'again'", "after-crash")["outputs"][0]["text"] == "'again'"
    (note,) = other.room.wait(lambda found: found["kind"] == "note" and found["started"] > entry["ended"])
    assert note["title"] == "The kernel died and was started again"


def test_what_is_typed_in_is_not_kept(notebook: Notebook) -> None:
    asked = notebook.send(
        "import getpass\nx, y = input('name? '), getpass.getpass()\nprint('thanks')", "typed"
    )
    for answer in ("Ada-typed", "pass-typed"):
        notebook.await_kind(asked, "input_request")
        notebook.say("input_reply", {"value": answer, "status": "ok"}, on="stdin")
    notebook.await_idle(asked)
    (entry,) = notebook.room.wait(lambda entry: entry["cell"] == "typed")
    assert text(entry) == "thanks\n"
    assert "-typed" not in json.dumps(notebook.room.entries())


def test_secrets_and_answers_do_not_reach_the_notebooks_file(notebook: Notebook) -> None:
    def stream(name: str, words: str) -> dict[str, Any]:
        return {"output_type": "stream", "name": name, "text": words}

    cell = {
        "cell_type": "code",
        "id": "c",
        "metadata": {},
        "execution_count": 1,
        "source": "key = 's3cr3t-value-42'",
        "outputs": [stream("stdin", "typed answer\n"), stream("stdout", "key is s3cr3t-value-42\n")],
    }
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.room.ask(
        "PUT", "/api/contents/code/saved.ipynb", {"type": "notebook", "format": "json", "content": content}
    )
    saved = (notebook.room.project / "code" / "saved.ipynb").read_text(encoding="utf-8")
    assert "typed answer" not in saved
    assert "s3cr3t" not in saved
    assert "key is [secret API_KEY]" in saved


def test_secrets_do_not_reach_the_journal(notebook: Notebook) -> None:
    entry = notebook.run("key = 's3cr3t-' + 'value-42'\nprint('key:', key)\nraise ValueError(key)")
    assert text(entry) == "key: [secret API_KEY]\n"
    assert entry["error"]["value"] == "[secret API_KEY]"
    assert "s3cr3t-value-42" not in json.dumps(notebook.room.entries())


def test_frames_and_progress_bars_collapse(notebook: Notebook) -> None:
    frame = "    clear_output(wait=True)\n    print('frame', n)"
    code = f"from IPython.display import clear_output\nfor n in range(50):\n{frame}"
    (frames,) = notebook.run(code)["outputs"]
    assert (frames["text"], frames["frames"]) == ("frame 49\n", 50)
    (bar,) = notebook.run("for n in range(101):\n    print(f'\\r{n}%', end='')\nprint()")["outputs"]
    assert (bar["text"], bar["frames"]) == ("100%\n", 101)


def test_output_that_comes_later_continues_its_cell(notebook: Notebook) -> None:
    late = "def late():\n    time.sleep(.5)\n    print('late')\n"
    entry = notebook.run(f"import threading, time\n{late}threading.Thread(target=late).start()")
    (found,) = continued(notebook.room, entry)
    assert (text(found), found["source"], found["code"]) == ("late\n", entry["source"], "")


def test_a_display_that_a_later_cell_updates(notebook: Notebook) -> None:
    first = notebook.run("from IPython.display import display\nhandle = display('before', display_id=True)")
    second = notebook.run("handle.update('after')")
    (update,) = continued(notebook.room, first)
    assert (text(first), text(second), text(update)) == ("'before'", "", "'after'")


def test_a_widgets_callback(notebook: Notebook) -> None:
    made = "from comm import create_comm\nw = create_comm(target_name='w')\n"
    entry = notebook.run(made + "w.on_msg(lambda message: print('clicked'))\nw.comm_id")
    comm = text(entry).strip("'")
    notebook.await_idle(notebook.say("comm_msg", {"comm_id": comm, "data": {}}))
    (callback,) = continued(notebook.room, entry)
    assert (text(callback), callback["source"]) == ("clicked\n", entry["source"])


def test_a_large_output_keeps_head_tail_size_and_hash(notebook: Notebook) -> None:
    entry = notebook.run("for n in range(300000):\n    print('line', n)")
    (output,) = entry["outputs"]
    assert output["truncated"]["bytes"] == sum(len(f"line {n}\n") for n in range(300000))
    assert output["text"].startswith("line 0\n")
    assert output["text"].endswith("line 299999\n")
    assert len(output["text"]) <= LIMIT


def test_three_thousand_displays_are_all_kept(notebook: Notebook) -> None:
    entry = notebook.run("from IPython.display import display\nfor n in range(3000):\n    display(n)")
    assert [output["text"] for output in entry["outputs"]] == [str(n) for n in range(3000)]


def test_what_a_kernel_shows_while_the_server_hangs_is_all_kept(notebook: Notebook) -> None:
    hang = "import os, signal, subprocess\nos.kill(os.getppid(), signal.SIGSTOP)\n"
    wake = "subprocess.Popen(['sh', '-c', f'sleep 1; kill -CONT {os.getppid()}'])\n"
    show = "for n in range(3000):\n    display(n, metadata={'wide': 8000 * ' '})"
    entry = notebook.run(hang + wake + show)
    assert [output["text"] for output in entry["outputs"]] == [str(n) for n in range(3000)]


def test_a_figure_is_kept_as_base64(notebook: Notebook) -> None:
    code = "Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(100), format='png')"
    outputs = notebook.run(f"from IPython.display import Image, display\n{code}")["outputs"]
    assert {output["mime"]: "base64" in output for output in outputs} == {
        "image/png": True,
        "text/plain": False,
    }
    assert len({output["group"] for output in outputs}) == 1


def test_silent_requests_are_not_recorded(notebook: Notebook) -> None:
    notebook.await_idle(notebook.send("print('quiet 1')", silent=True))
    notebook.await_idle(notebook.send("print('quiet 2')", store_history=False))
    notebook.run("'loud'")
    assert "quiet" not in json.dumps(notebook.room.entries())


FILE_CELLS = (
    (
        "text = open('../input/a.csv').read()\nopen('../output/b.csv', 'w').write(text)",
        "input/a.csv",
        "output/b.csv",
    ),
    ("!cp ../output/b.csv ../output/c.csv", "output/b.csv", "output/c.csv"),
    ("import sqlite3\nsqlite3.connect('../output/x.db').execute('create table t (a)')", None, "output/x.db"),
    (
        "import subprocess, sys\n"
        "program = \"open('../output/child.txt', 'w').write(open('../input/a.csv').read())\"\n"
        "subprocess.run([sys.executable, '-c', program], check=True)",
        "input/a.csv",
        "output/child.txt",
    ),
    ("import os\nos.rename('../output/c.csv', '../output/d.csv')", None, "output/d.csv"),
)


@pytest.mark.parametrize("shim", [True, False], ids=["shim", "no shim"])
def test_each_cell_has_the_files_that_it_touched(
    room: Room, shim: bool, another_room: Callable[..., Room]
) -> None:
    if shim and find_shim() is None:
        pytest.skip("the shim was not built")
    room = room if shim else another_room(shim=None)
    for folder in ("input", "output"):
        (room.project / folder).mkdir()
    (room.project / "input" / "a.csv").write_text("a\n1\n", encoding="utf-8")
    notebook = Notebook(room, "code/files.ipynb")
    entries = [notebook.run(code) for code, _, _ in FILE_CELLS]
    untouched = notebook.run("1 + 1")
    notebook.close()
    assert {entry["files_by"] for entry in entries} == {"shim" if shim else "audit+inotify"}
    touched = [(paths(entry["reads"]), paths(entry["writes"])) for entry in entries]
    assert touched == [([read] if read else [], [written]) for _, read, written in FILE_CELLS]
    assert [entry["deletes"] for entry in entries] == [[], [], [], [], ["output/c.csv"]]
    assert (untouched["reads"], untouched["writes"]) == ([], [])


def test_a_file_that_a_thread_writes_later(notebook: Notebook) -> None:
    work = "def work():\n    time.sleep(.5)\n    open('late.txt', 'w').write('x')\n    print('done')\n"
    entry = notebook.run(f"import threading, time\n{work}threading.Thread(target=work).start()")
    (late,) = continued(notebook.room, entry)
    assert (paths(entry["writes"]), paths(late["writes"])) == ([], ["code/late.txt"])


def test_two_clients_of_one_kernel(notebook: Notebook) -> None:
    second = notebook.open("second-client")
    one, two = notebook.send("'one'", "client-1"), notebook.send("'two'", "client-2", channel=second)
    notebook.await_idle(one)
    notebook.await_idle(two, second)
    second.close()
    found = notebook.room.wait(lambda entry: (entry["cell"] or "").startswith("client-"), 2)
    assert [(entry["cell"], text(entry)) for entry in found] == [("client-1", "'one'"), ("client-2", "'two'")]


def test_a_client_that_does_not_come_through_the_websocket(notebook: Notebook) -> None:
    client = BlockingKernelClient()
    (file,) = notebook.room.folder.glob(f"runtime/kernel-{notebook.kernel}.json")
    client.load_connection_file(str(file))
    client.start_channels()
    client.execute_interactive("'from outside'", output_hook=lambda message: None, timeout=20)
    client.stop_channels()
    (entry,) = notebook.room.wait(lambda entry: entry["code"] == "'from outside'")
    assert (entry["cell"], entry["notebook"], text(entry)) == (None, "code/a.ipynb", "'from outside'")


def test_a_page_that_is_closed_in_the_middle_of_a_run(other: Notebook) -> None:
    asked = other.send("import time\nprint('a', flush=True)\ntime.sleep(1)\nprint('b')", "closed")
    other.await_kind(asked, "stream")
    other.channel.close()
    (entry,) = other.room.wait(lambda entry: entry["cell"] == "closed")
    assert (entry["status"], text(entry)) == ("ok", "a\nb\n")


def test_a_notebook_that_is_renamed(other: Notebook) -> None:
    other.run("1", "before-rename")
    other.room.ask(
        "PATCH",
        f"/api/sessions/{other.session['id']}",
        {"path": "code/renamed.ipynb", "name": "renamed.ipynb"},
    )
    assert other.run("2", "after-rename")["source"] == "code/renamed.ipynb#after-rename"


def test_a_page_saves_and_is_told(room: Room) -> None:
    assert room.ask("GET", "/trailmark/state") == {
        "type": "state",
        "recording": True,
        "problem": None,
        "pages": 0,
    }
    told = {"message": "pandas was added", "restart": True}
    assert room.ask("POST", "/trailmark/notify", told) == {"pages": 0, "saved": None}
    page = room.connect("/trailmark/lab", origin=f"http://127.0.0.1:{room.port}")
    assert json.loads(page.recv())["recording"] is True
    notice = json.loads(page.recv())
    assert (notice["message"], notice["restart"], notice["reload"]) == ("pandas was added", True, False)
    assert room.ask("GET", "/trailmark/state")["pages"] == 1
    page.close()


def test_commands_in_a_terminal(room: Room) -> None:
    terminal = room.ask("POST", "/api/terminals")["name"]
    channel = room.connect(f"/terminals/websocket/{terminal}")

    def type_in(text: str, until: str) -> None:
        channel.send(json.dumps(["stdin", text]))
        seen = ""
        while until not in seen:
            try:
                kind, *words = json.loads(channel.recv())
            except websocket.WebSocketTimeoutException:
                pytest.fail(f"after {text!r} the terminal showed only {seen!r}")
            seen += words[0] if kind == "stdout" else ""

    type_in("", "$ " if os.getuid() else "# ")
    type_in("true\r", "133;D;0")
    type_in("echo hello | tee hello.txt; which python\r", "133;D;0")
    (entry,) = room.wait(lambda entry: entry["kind"] == "command" and "tee" in entry["code"])
    assert (entry["status"], entry["exit_code"], entry["tool"]) == ("ok", 0, "terminal")
    assert paths(entry["writes"]) == ["hello.txt"]
    assert entry["outputs"][0]["text"].splitlines()[0] == "hello"
    assert str(room.environment.resolve()) in entry["outputs"][0]["text"]
    type_in("false\r", "133;D;1")
    (entry,) = room.wait(lambda entry: entry["code"] == "false")
    assert (entry["status"], entry["exit_code"], entry["outputs"]) == ("error", 1, [])
    type_in("read -p 'name? ' x\r", "name? ")
    type_in("typed-answer\r", "133;D;0")
    (entry,) = room.wait(lambda entry: entry["code"].startswith("read"))
    assert "typed-answer" not in json.dumps(entry)
    channel.close()
    room.ask("DELETE", f"/api/terminals/{terminal}")


def test_a_server_that_is_stopped_ends_what_it_was_doing(another_room: Callable[..., Room]) -> None:
    room = another_room()
    first = Notebook(room, "code/a.ipynb")
    first.await_kind(first.send("import time\nprint('on', flush=True)\ntime.sleep(60)", "stopped"), "stream")
    room.stop()
    begin, end = room.entries()
    assert (begin["type"], end["type"], end["status"], text(end)) == ("begin", "end", "interrupted", "on\n")


def test_a_server_that_is_killed_leaves_the_beginning(another_room: Callable[..., Room]) -> None:
    room = another_room()
    first = Notebook(room, "code/a.ipynb")
    asked = first.send("import time\nprint('on', flush=True)\ntime.sleep(60)", "killed")
    first.await_kind(asked, "stream")
    while not room.entries():
        time.sleep(0.01)
    kernel = room.entries()[-1]["pid"]
    room.process.kill()
    room.process.wait()
    os.kill(kernel, signal.SIGKILL)
    (begin,) = room.entries()
    assert (begin["type"], begin["cell"], begin["code"].count("\n")) == ("begin", "killed", 2)


def test_a_restarted_kernel_runs_in_the_environment_as_it_is_now(
    room: Room, tmp_path_factory: pytest.TempPathFactory, python: Path
) -> None:
    folder = tmp_path_factory.mktemp("environments")
    newer = make_environment(folder / "newer").parents[1]
    link = room.environment
    other = Notebook(room, "code/packages.ipynb")
    before = other.run("import sys; print(sys.prefix)")
    link.with_name("new").symlink_to(newer)
    link.with_name("new").replace(link)
    unmoved = other.run("print(sys.prefix, __import__('os').__file__)")
    room.ask("POST", f"/api/kernels/{other.kernel}/restart")
    after = other.run("import sys; print(sys.prefix)")
    link.with_name("new").symlink_to(python.parents[1])
    link.with_name("new").replace(link)
    other.close()
    old = python.parents[1]
    assert [text(entry).split()[0] for entry in (before, unmoved, after)] == [str(old), str(old), str(newer)]
    assert [entry["environment"] for entry in (before, unmoved, after)] == [old.name, old.name, newer.name]
