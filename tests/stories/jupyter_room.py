"""A real Jupyter server with capture, and a client that speaks to it as JupyterLab does, without a browser."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import websocket

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.jupyter import settings

TOKEN = "a-token-for-tests"
PATIENCE = 20.0
Entry = dict[str, Any]


def make_environment(folder: Path) -> Path:
    """Make an environment that is not the tool's, and has its packages; return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    site = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (site / "tool.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return python


class Room:
    """A server with its project and journal."""

    def __init__(self, folder: Path, python: Path, **facts: Any) -> None:
        self.folder = folder
        self.project = folder / "project"
        (self.project / "code").mkdir(parents=True, exist_ok=True)
        self.secrets = folder / "secrets.json"
        self.secrets.write_text(json.dumps({"API_KEY": "s3cr3t-value-42"}), encoding="utf-8")
        stored = {
            "project": str(self.project),
            "session": "01SESSION",
            "tool": "jupyterlab",
            "shim": find_shim(),
            "exclude": [
                "/usr",
                "/lib",
                "/proc",
                "/dev",
                "/etc",
                "/sys",
                sys.prefix,
                sys.base_prefix,
                str(python.parents[1]),
            ],
            "secrets": str(self.secrets),
            **{name: str(folder / name) for name in ("journal", "files", "shell")},
            **facts,
        }
        (folder / "capture.json").write_text(json.dumps(stored), encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = Config.load(folder / "capture.json")
        self.environment = folder / "environment"
        self.environment.symlink_to(python.parents[1])
        link = self.environment / "bin" / "python"
        traits = settings.render(config, port=self.port, base_url="/", python=link, name="story")
        (folder / "server.json").write_text(json.dumps(traits), encoding="utf-8")
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        own = {
            f"JUPYTER_{name}_DIR": str(self.folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
        }
        environ = {
            **os.environ,
            **own,
            "JUPYTER_TOKEN": TOKEN,
            "TRAILMARK_CAPTURE": str(self.folder / "capture.json"),
            "PYTHONPATH": str(self.folder / "leak"),
            "VIRTUAL_ENV": sys.prefix,
        }
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "trailmark_capture.jupyter", str(self.folder / "server.json")],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, OSError):
                self.ask("GET", "/api/status", process=process)
                return process
            assert process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError("the server did not start\n" + self.log())

    def stop(self) -> None:
        """Stop the server as a launcher would."""
        self.process.terminate()
        self.process.wait(30)

    def log(self) -> str:
        """Return what the server said."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def ask(self, method: str, path: str, body: Any = None, **_: Any) -> Any:
        """Ask the server's interface."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def connect(self, path: str, **options: Any) -> websocket.WebSocket:
        """Open a websocket."""
        header = [f"Authorization: token {TOKEN}"]
        return websocket.create_connection(
            f"ws://127.0.0.1:{self.port}{path}", header=header, timeout=PATIENCE, **options
        )

    def entries(self) -> list[Entry]:
        """Return all that stands in the journal."""
        return [
            entry
            for segment in journal.segments(self.folder / "journal")
            for entry, _ in journal.read(segment)
        ]

    def wait(self, wanted: Callable[[Entry], Any], count: int = 1) -> list[Entry]:
        """Return the `end` entries that are wanted, once there are so many."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [entry for entry in self.entries() if entry["type"] == "end" and wanted(entry)]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} entries\n{self.log()[-3000:]}"
            time.sleep(0.02)


class Notebook:
    """A notebook that is open: its session, its kernel, and a websocket to it."""

    def __init__(self, room: Room, path: str, kernel: str = "python3") -> None:
        self.room = room
        self.path = path
        model = {"path": path, "name": Path(path).name, "type": "notebook", "kernel": {"name": kernel}}
        self.session = room.ask("POST", "/api/sessions", model)
        self.kernel = self.session["kernel"]["id"]
        self.client = uuid.uuid4().hex
        self.channel = self.open(self.client)

    def open(self, client: str) -> websocket.WebSocket:
        """Open a channel to the kernel."""
        return self.room.connect(f"/api/kernels/{self.kernel}/channels?session_id={client}")

    def close(self) -> None:
        """Close the notebook and stop its kernel."""
        self.channel.close()
        with contextlib.suppress(urllib.error.HTTPError):
            self.room.ask("DELETE", f"/api/sessions/{self.session['id']}")

    def send(self, code: str, cell: str | None = None, *, channel: Any = None, **content: Any) -> str:
        """Ask the kernel to execute some code; return the message's id."""
        asked = {
            "code": code,
            "silent": False,
            "store_history": True,
            "allow_stdin": True,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell} if cell else {}
        return self.say("execute_request", {**asked, **content}, metadata=metadata, channel=channel)

    def say(
        self, kind: str, content: Any, *, on: str = "shell", metadata: Any = None, channel: Any = None
    ) -> str:
        """Send the kernel a message; return its id."""
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": kind,
            "session": self.client,
            "username": "",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": metadata or {}, "content": content}
        (channel or self.channel).send(json.dumps({**message, "channel": on, "buffers": []}))
        return message_id

    def messages(self, parent: str, channel: Any = None) -> Iterator[Any]:
        """Yield the messages that answer one of ours."""
        while True:
            message = json.loads((channel or self.channel).recv())
            if message["parent_header"].get("msg_id") == parent:
                yield message

    def await_idle(self, message_id: str, channel: Any = None) -> None:
        """Wait until the kernel is done with a message."""
        for message in self.messages(message_id, channel):
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return

    def await_reply(self, message_id: str) -> None:
        """Wait until the kernel has answered, which it does in any case.

        What it broadcasts, `idle` among it, may miss a page while a kernel that died is started again.
        """
        self.await_kind(message_id, "execute_reply")

    def await_kind(self, message_id: str, kind: str) -> Any:
        """Wait for a kind of message; return its content."""
        return next(
            message["content"] for message in self.messages(message_id) if message["msg_type"] == kind
        )

    def run(self, code: str, cell: str | None = None, **content: Any) -> Entry:
        """Run a cell and return its entry."""
        cell = cell or uuid.uuid4().hex[:8]
        self.await_reply(self.send(code, cell, **content))
        return self.room.wait(lambda entry: entry["cell"] == cell)[-1]
