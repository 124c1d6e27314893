"""What the kill test of the client kills: `trailmark start`, as often as it is asked for, imported only once.

For each line on its standard input it forks a child that is the client; the child's process id is printed first, then
what the client itself prints, then `gone`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trailmark.cli.start
import trailmark.web.app  # noqa: F401
from trailmark.cli import program


def serve() -> None:
    """Fork a client for each line of standard input."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                program.run(["start", "--no-browser", "--json"], dict(os.environ), Path.cwd())
            finally:
                os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    serve()
