"""Start a session's terminal with capture: ``python -m trailmark_capture.jupyter.terminal_server CONFIGURATION``.

Jupyter's server without JupyterLab: one page with one shell. CONFIGURATION and the environment are those of
`trailmark_capture.jupyter`.
"""

import os
import sys

from jupyter_server.serverapp import ServerApp

from trailmark_capture.config import load
from trailmark_capture.jupyter import capture
from trailmark_capture.loopback import Taken, held


def main(configuration: str) -> None:
    """Run the server until it is told to stop."""
    running = capture.begin(load())
    try:
        server = ServerApp.instance()
        server.initialize(argv=[f"--config={configuration}"])
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
