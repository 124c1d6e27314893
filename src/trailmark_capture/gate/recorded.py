"""Runs an app as a command that is recorded: ``python -m trailmark_capture.gate.recorded TITLE COMMAND …``.

The environment names the session's `capture.json`. The record is written when the app ends, with the files that it
read and wrote, and what it said; whoever listens to us hears that too. Without a TITLE it is called by its command.
"""

import os
import sys
from pathlib import Path

from trailmark_capture.config import load
from trailmark_capture.journal import Writer
from trailmark_capture.run import run_command


def main(title: str, argv: list[str]) -> int:
    """Run the command to its end; return its exit code."""
    config = load()
    writer = Writer(config.journal, f"app-{config.session}", config.nudge)
    try:
        # It leads to our capture, where that is not installed; the command has no use for it.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return run_command(argv, config, writer, title=title or None, env=environ, cwd=Path.cwd())
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
