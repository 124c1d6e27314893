"""The client as a program of its own, started for a test and ended with it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(trailmark: list[str], *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the client; give its process and the address that it printed."""
    process = subprocess.Popen(
        [*trailmark, "start", "--no-browser", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip() == "}" or (line.startswith("{") and line.rstrip().endswith("}")):
                break
        yield process, str(json.loads("".join(lines))["url"])
    finally:
        process.terminate()
        process.wait(10)
