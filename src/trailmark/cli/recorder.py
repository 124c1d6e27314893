"""The recorder's own program, started by a session and by nobody else: `python -m trailmark.cli.recorder PATH`."""

import logging
import os
import sys
from pathlib import Path

from trailmark import wiring
from trailmark.projects.project import open_project
from trailmark.sessions.recorder import run_recorder


def main(path: Path) -> None:
    """Record what happens in the project at `path` until nobody works in it any more."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    services = wiring.build(os.environ)
    project = open_project(path, services.settings)
    run_recorder(project, lambda: services.has_sessions(project))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
