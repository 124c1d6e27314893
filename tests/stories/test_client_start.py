"""The client as a program: started, asked for another address, found in order, ended."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import httpx
import psutil
from tests.stories.client_room import running


def test_started_used_asked_again_and_ended(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (process, address):
        port = httpx.URL(address).port
        assert port is not None
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(address)
            assert page.status_code == 200
            assert page.url.path == "/"
            assert "key" not in page.url.params
            assert "Try the demo" in page.text
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 403
        assert httpx.get(address).status_code == 403

        again = subprocess.run(
            [*trailmark, "start", "--no-browser", "--json"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        fresh = json.loads(again.stdout)["url"]
        assert httpx.URL(fresh).port == port
        assert fresh != address
        assert httpx.get(fresh).status_code == 303

        assert [
            c.laddr.ip for c in psutil.Process(process.pid).net_connections() if c.status == "LISTEN"
        ] == ["127.0.0.1"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert not (home / "client.json").exists()


def test_no_key_and_no_token_lies_about(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (process, address):
        key = address.partition("key=")[2]
        state = home / "client.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        with httpx.Client() as browser:
            browser.get(address)
            token = next(iter(browser.cookies.values()))
            browser.get(f"http://127.0.0.1:{httpx.URL(address).port}/nowhere?key={key}")
        words = " ".join(psutil.Process(process.pid).cmdline())
        assert key not in words
        written = [path for path in home.rglob("*") if path.is_file()]
        for path in written:
            assert key.encode() not in path.read_bytes(), path
            assert token.encode() not in path.read_bytes(), path
        process.terminate()
        output = "".join(process.communicate(timeout=10))
        assert key not in output
        assert token not in output


def test_a_client_that_was_killed_is_no_obstacle(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (process, _):
        process.kill()
        process.wait(10)
        assert (home / "client.json").exists()
    with running(trailmark) as (_, address):
        assert httpx.get(address).status_code == 303


def test_two_started_at_once_are_one(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (_, first), running(trailmark) as (other, second):
        assert httpx.URL(first).port == httpx.URL(second).port
        assert other.wait(10) == 0


def test_a_port_that_is_taken_is_said_to_be_so(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (_, address):
        taken = str(httpx.URL(address).port)
        elsewhere = {**os.environ, "TRAILMARK_HOME": str(home / "other")}
        refused = subprocess.run(
            [*trailmark, "start", "--no-browser", "--port", taken],
            capture_output=True,
            text=True,
            env=elsewhere,
            timeout=30,
        )
        assert refused.returncode == 1
        assert f"Port {taken} is taken" in refused.stderr


def test_open_pages_do_not_hold_up_the_end(home: Path, trailmark: list[str]) -> None:
    with running(trailmark) as (process, address), httpx.Client() as browser:
        browser.get(address)
        base = f"http://127.0.0.1:{httpx.URL(address).port}"
        with browser.stream("GET", f"{base}/events") as stream:
            assert next(stream.iter_text()).startswith("retry:")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
            assert time.monotonic() - began < 3
