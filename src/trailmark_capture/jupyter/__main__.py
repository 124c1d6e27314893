"""Start a session's JupyterLab with capture: ``python -m trailmark_capture.jupyter CONFIGURATION``.

CONFIGURATION is the file that holds what `settings.render` returned, as JSON. The environment names the
session's `capture.json` in TRAILMARK_CAPTURE and holds the access token in JUPYTER_TOKEN.
"""

import os
import sys

from jupyterlab.labapp import LabApp

from trailmark_capture.config import load
from trailmark_capture.jupyter import capture
from trailmark_capture.loopback import Taken, held


def main(configuration: str) -> None:
    """Run the server until it is told to stop."""
    running = capture.begin(load())
    try:
        server = LabApp.initialize_server(argv=[f"--config={configuration}"])
        os.environ.pop("JUPYTER_TOKEN", None)
        with held(server.port):
            server.start()
    except Taken as error:
        sys.exit(error.strerror)
    finally:
        running.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
