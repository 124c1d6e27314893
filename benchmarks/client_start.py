"""How long it takes from `trailmark start` to the first page answered."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

from _figures import Figure, show

ROUNDS = 7
GOAL_SECONDS = 2.0


def start_once(home: Path) -> float:
    """Start the client in a home of its own, fetch the page that it names, end it; return the seconds."""
    environment = {**os.environ, "TRAILMARK_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "trailmark", "start", "--no-browser", "--json"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with opener.open(address_from(process), timeout=30) as answer:
            assert answer.status == 200
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(timeout=30)


def address_from(process: "subprocess.Popen[str]") -> str:
    """Return the address that a starting client prints as JSON."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        try:
            return str(json.loads(said)["url"])
        except ValueError:
            continue
    raise AssertionError(f"the client ended without an address; it said: {said}")


def main() -> int:
    """Print the figures; return 1 when the goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        times = [start_once(Path(name)) for _ in range(ROUNDS)]
    return show(
        [
            Figure("client ready (median)", statistics.median(times), "s", at_most=GOAL_SECONDS),
            Figure("client ready (slowest)", max(times), "s"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
