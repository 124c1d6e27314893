"""The recorder's own program, started by a session: `python -m trailmark.cli.recorder PATH STATE`."""

import logging
import os
import sys
from pathlib import Path

from trailmark import wiring
from trailmark.projects.project import is_project, open_project
from trailmark.projects.state import place_of
from trailmark.sessions.recorder import run_recorder
from trailmark.sessions.stop import has_living


def main(path: Path, state: str) -> None:
    """Record what happens in the project at `path` until nobody works in it any more.

    A project that was moved since is found by the name of its state, once a command has seen it in its new place.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    services = wiring.build(os.environ)
    settings = services.settings
    if not is_project(path):
        path = place_of(settings.home / "state" / state) or path
    project = open_project(path, settings)
    run_recorder(project, lambda: has_living(settings, services.engine, project))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
