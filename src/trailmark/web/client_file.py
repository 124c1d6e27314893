"""Finding the client that runs: `client.json` in the Trailmark home says where it listens, to its owner only."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from trailmark.durable import write_file
from trailmark.errors import Unavailable
from trailmark.web.security import KEY_PATH

_TIMEOUT_SECONDS = 5.0
_START_TOLERANCE = 0.01


@dataclass(frozen=True)
class RunningClient:
    """A client that was running when it wrote its file. `secret` lets its owner ask it for a new key."""

    pid: int
    started: float
    port: int
    secret: str


def claim(home: Path) -> int | None:
    """Return a descriptor that makes this process the one client of its home; None when another one is."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(home / "client.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def write_client(home: Path, port: int, secret: str) -> None:
    """Say where this process listens."""
    this = psutil.Process()
    running = RunningClient(this.pid, this.create_time(), port, secret)
    write_file(_path(home), json.dumps(asdict(running)).encode())


def remove_client(home: Path) -> None:
    """Forget the client of this process."""
    _path(home).unlink(missing_ok=True)


def find_client(home: Path) -> RunningClient | None:
    """Return the client that runs for this home, None when there is none or its process is gone."""
    try:
        running = RunningClient(**json.loads(_path(home).read_bytes()))
        started = psutil.Process(running.pid).create_time()
    except (FileNotFoundError, ValueError, TypeError, psutil.Error):
        return None
    return running if abs(started - running.started) < _START_TOLERANCE else None


def wait_for_client(home: Path, timeout: float = _TIMEOUT_SECONDS) -> RunningClient:
    """Return the client that runs for this home, once it listens. Raises Unavailable when it does not."""
    deadline = time.monotonic() + timeout
    while (found := find_client(home)) is None:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"Another Trailmark is starting or stopping in {home} and does not answer. "
                "Your projects are intact. Wait a moment and run `trailmark start` again."
            )
        time.sleep(0.05)
    return found


def ask_for_address(running: RunningClient) -> str:
    """Return a fresh address, with a key, of a running client. Raises Unavailable when it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", KEY_PATH, headers={"Authorization": f"Bearer {running.secret}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200:
            return str(json.loads(body)["address"])
        reason = f"it answered {answer.status}"
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        reason = str(error) or type(error).__name__
    finally:
        connection.close()
    raise Unavailable(
        f"Trailmark runs already (process {running.pid}, port {running.port}) but gives no new address: "
        f"{reason}. Your projects are intact. Stop that process and run `trailmark start` again."
    )


def _path(home: Path) -> Path:
    return home / "client.json"
