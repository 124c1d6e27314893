"""How long `1+1` takes, from asking to idle: over the websocket with capture and without, and over ZMQ directly."""

import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import websocket
from jupyter_client.manager import start_new_kernel

from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.jupyter import settings

ROUNDS = 300
WARM_UP = 20
TOKEN = uuid.uuid4().hex
PROTOCOL = "v1.kernel.websocket.jupyter.org"
WITH, WITHOUT, DIRECT = "websocket, capture on", "websocket, capture off", "direct ZMQ"

Run = Callable[[], None]


def measure() -> list[tuple[str, float]]:
    """Return the medians in milliseconds, and the ratio and the difference that are promised."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runs = {
            WITH: stack.enter_context(server(folder / "on", capture=True)),
            WITHOUT: stack.enter_context(server(folder / "off", capture=False)),
            DIRECT: stack.enter_context(direct()),
        }
        seconds = {name: statistics.median(times) for name, times in timed(runs).items()}
    figures = [(f"{name} (ms)", round(1000 * value, 2)) for name, value in seconds.items()]
    figures.append(("capture on / off, goal ≤ 1.1", round(seconds[WITH] / seconds[WITHOUT], 3)))
    figures.append(("capture on − direct (ms), goal ≤ 5", round(1000 * (seconds[WITH] - seconds[DIRECT]), 2)))
    return figures


def timed(runs: dict[str, Run]) -> dict[str, list[float]]:
    """Run all in turn, in every order alike, so that the machine's mood falls on all of them."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    orders = list(itertools.permutations(runs))
    for number in range(WARM_UP + ROUNDS):
        for name in orders[number % len(orders)]:
            begun = time.perf_counter()
            runs[name]()
            if number >= WARM_UP:
                times[name].append(time.perf_counter() - begun)
    return times


@contextmanager
def direct() -> Iterator[Run]:
    """A kernel of our own, spoken to without a server."""
    manager, client = start_new_kernel()

    def run() -> None:
        message_id = client.execute("1+1")
        while not is_idle(client.get_iopub_msg(timeout=30), message_id):
            pass

    try:
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@contextmanager
def server(folder: Path, *, capture: bool) -> Iterator[Run]:
    """A server with a kernel, spoken to as JupyterLab does."""
    process, port = start_server(folder, capture=capture)
    try:
        kernel = request(port, "POST", "/api/sessions", session_model())["kernel"]["id"]
        channel = websocket.create_connection(
            f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels?session_id=bench",
            header=[f"Authorization: token {TOKEN}"],
            subprotocols=[PROTOCOL],
            timeout=30,
        )
        yield lambda: execute(channel)
        channel.close()
    finally:
        process.terminate()
        process.wait()


def start_server(folder: Path, *, capture: bool) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a server and wait until it answers."""
    project = folder / "project"
    project.mkdir(parents=True)
    stored = {name: str(folder / name) for name in ("journal", "files", "shell")}
    facts = {**stored, "project": str(project), "shim": find_shim(), "exclude": [sys.prefix, sys.base_prefix]}
    (folder / "capture.json").write_text(json.dumps(facts), encoding="utf-8")
    port = free_port()
    config = Config.load(folder / "capture.json")
    traits = settings.render(config, port=port, base_url="/", python=sys.executable, name="bench")
    if not capture:
        traits = without_capture(traits)
    (folder / "server.json").write_text(json.dumps(traits), encoding="utf-8")
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environ = {**os.environ, **own, "JUPYTER_TOKEN": TOKEN, "TRAILMARK_CAPTURE": str(folder / "capture.json")}
    module = "trailmark_capture.jupyter" if capture else "jupyterlab"
    argument = str(folder / "server.json") if capture else f"--config={folder / 'server.json'}"
    process = subprocess.Popen(
        [sys.executable, "-m", module, argument],
        env=environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(port, process)
    return process, port


def without_capture(traits: dict[str, Any]) -> dict[str, Any]:
    """Return the same server without any of our classes but the websocket that does not delay."""
    own = ("kernel_spec_manager_class", "session_manager_class", "jpserver_extensions")
    server = {name: value for name, value in traits["ServerApp"].items() if name not in own}
    server["kernel_websocket_connection_class"] = "trailmark_capture.jupyter.nodelay.NoDelayConnection"
    return {"ServerApp": server, "LabApp": {"news_url": None, "extension_manager": "readonly"}}


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server answers."""
    for _ in range(600):
        try:
            request(port, "GET", "/api/status")
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError("The server did not start.")


def request(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the server's interface."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {TOKEN}"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())


def session_model() -> dict[str, Any]:
    """Return what JupyterLab sends when a notebook is opened."""
    return {"path": "bench.ipynb", "name": "bench.ipynb", "type": "notebook", "kernel": {"name": "python3"}}


def execute(channel: websocket.WebSocket) -> None:
    """Run `1+1` and wait until the kernel is idle again."""
    message_id = uuid.uuid4().hex
    header = {
        "msg_id": message_id,
        "msg_type": "execute_request",
        "session": "bench",
        "username": "",
        "version": "5.3",
    }
    content = {
        "code": "1+1",
        "silent": False,
        "store_history": True,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    channel.send_binary(framed(header, {}, {"cellId": "cell"}, content))
    while not is_idle(unframed(channel.recv()), message_id):
        pass


def is_idle(message: dict[str, Any], message_id: str) -> bool:
    """Return whether a message says that the kernel is done with a request."""
    return (
        message["header"]["msg_type"] == "status"
        and message["parent_header"].get("msg_id") == message_id
        and bool(message["content"]["execution_state"] == "idle")
    )


def framed(*parts: dict[str, Any]) -> bytes:
    """Return a request for the shell channel in the framing of the newer protocol."""
    pieces = [b"shell", *(json.dumps(part).encode() for part in parts)]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *pieces])


def unframed(message: str | bytes) -> dict[str, Any]:
    """Return a message's header, parent header and content."""
    assert isinstance(message, bytes)
    offsets = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(1, 7)]
    header, parent, _, content = (json.loads(message[offsets[i] : offsets[i + 1]]) for i in range(1, 5))
    return {"header": header, "parent_header": parent, "content": content}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Print the figures."""
    for name, value in measure():
        print(f"{name:<40} {value:>8}")


if __name__ == "__main__":
    main()
