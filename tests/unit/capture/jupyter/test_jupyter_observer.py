"""The observing thread against real sockets, with kernels that are played."""

import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import zmq

from trailmark_capture.jupyter.actions import Accesses
from trailmark_capture.jupyter.follower import Follower
from trailmark_capture.jupyter.messages import DELIMITER
from trailmark_capture.jupyter.observer import Address, Observer, Watch
from trailmark_capture.jupyter.requests import Requests

KEY = b"key"


class Around:
    def facts(self) -> dict[str, Any]:
        return {}

    def notebook(self, cell: str | None) -> str | None:
        return None

    def files(self, since: float, until: float) -> Accesses:
        return Accesses()

    changed_between = left = files

    def forget_files(self, before: float) -> None:
        return None

    def save_expected(self, session: str) -> bool:
        return False


class Kernel:
    """Publishes what it is told to."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.socket = context.socket(zmq.PUB)
        self.socket.set(zmq.SNDHWM, 0)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = Address(f"tcp://127.0.0.1:{port}", KEY)
        self.entries: list[dict[str, Any]] = []
        self.watch = Watch(self.address, Follower(Around(), Requests(), self.entries.append))

    def say(self, kind: str, parent: str = "", **content: Any) -> None:
        header = {"msg_type": kind, "msg_id": "x"}
        asked = {"msg_id": parent, "msg_type": "execute_request"} if parent else {}
        parts = [json.dumps(part).encode() for part in (header, asked, {}, content)]
        signature = hmac.new(KEY, b"".join(parts), hashlib.sha256).hexdigest().encode()
        self.socket.send_multipart([DELIMITER, signature, *parts])

    def is_heard(self) -> None:
        until(lambda: self.say("status", execution_state="idle") or self.watch.live.wait(0.02))


def until(found: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield Kernel(context)
    context.destroy(linger=0)


@pytest.fixture
def observer() -> Iterator[Observer]:
    observer = Observer(pause=0.05)
    observer.start()
    yield observer
    observer.close()


def test_what_a_kernel_publishes_is_followed(kernel: Kernel, observer: Observer) -> None:
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    kernel.say("status", "m", execution_state="idle")
    until(lambda: len(kernel.entries) == 2)
    assert [entry["type"] for entry in kernel.entries] == ["begin", "end"]


def test_nothing_is_dropped_however_much_comes(kernel: Kernel, observer: Observer) -> None:
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    for number in range(20_000):
        kernel.say("stream", "m", name="stdout", text=f"{number}\n")
    kernel.say("status", "m", execution_state="idle")
    until(lambda: len(kernel.entries) == 2)
    assert kernel.entries[1]["outputs"][0]["text"] == "".join(f"{number}\n" for number in range(20_000))


def test_a_kernel_that_is_gone_is_forgotten(kernel: Kernel, observer: Observer) -> None:
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    until(lambda: kernel.entries)
    observer.stopped(kernel.watch).result(5)
    assert kernel.entries[-1]["status"] == "lost"


def test_a_process_that_dies_is_noticed_at_once(kernel: Kernel, observer: Observer) -> None:
    process = subprocess.Popen(["sleep", "60"])
    kernel.watch.address = replace(kernel.address, pid=process.pid)
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    until(lambda: kernel.entries)
    process.kill()
    kernel.say("stream", "m", name="stdout", text="last words")
    died = time.time()
    until(lambda: len(kernel.entries) == 2)
    end = kernel.entries[1]
    assert (end["status"], end["outputs"][0]["text"]) == ("lost", "last words")
    assert end["ended"] - died < 0.5
    process.wait()
    kernel.say("execute_input", "n", code="2", execution_count=1)
    until(lambda: len(kernel.entries) == 3)
    observer.replaced(kernel.watch, kernel.address, died).result(5)
    kernel.say("status", "n", execution_state="idle")
    until(lambda: len(kernel.entries) == 4)
    assert kernel.entries[3]["status"] == "ok"


def test_late_output_is_written_without_another_message(kernel: Kernel, observer: Observer) -> None:
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    kernel.say("status", "m", execution_state="idle")
    kernel.say("stream", "m", name="stdout", text="late")
    until(lambda: len(kernel.entries) == 3)
    assert kernel.entries[-1]["continues"] == kernel.entries[0]["id"]


def test_closing_ends_what_is_open_and_may_be_done_twice(kernel: Kernel, observer: Observer) -> None:
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
    kernel.say("execute_input", "m", code="1", execution_count=1)
    until(lambda: kernel.entries)
    observer.close()
    assert kernel.entries[-1]["status"] == "lost"
    observer.close()
    observer.stopped(kernel.watch).result(5)


def test_an_order_that_fails_does_not_end_the_thread(observer: Observer, kernel: Kernel) -> None:
    def fail(follower: Follower) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        observer.tell(kernel.watch, fail).result(5)
    observer.attach(kernel.watch).result(5)
    kernel.is_heard()
