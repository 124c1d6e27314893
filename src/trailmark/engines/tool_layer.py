"""What an image needs so that sessions can run in it: JupyterLab in an environment of its own, beside the project's.

Capture itself is not in the image. It is mounted when a session starts, so that it is always the code that is
installed here.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from trailmark.engines.recipe import Layer

PREFIX = Path("/opt/trailmark")
_PYTHON = ">=3.11"
_PYTHONS = "/opt/trailmark-python"
# What capture works with, at the versions that are installed here; what these need in turn, uv finds for the
# Python of the image, which may be another.
_PINNED = ("ipykernel", "jupyter-client", "jupyter-server", "jupyterlab", "tornado")


def tool_layer() -> Layer:
    """Return the layer: JupyterLab as it is here, in the image's own Python or one that uv brings."""
    pins = "".join(f"{name}=={version(name)}\n" for name in _PINNED)
    return Layer(
        "tools",
        (
            f"export UV_PYTHON_INSTALL_DIR={_PYTHONS} UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy",
            f'uv venv --quiet --no-project --no-config --python "{_PYTHON}" {PREFIX}',
            f"uv pip install --no-config --compile-bytecode --python {PREFIX}/bin/python --requirements pins.txt",
        ),
        {"pins.txt": pins.encode()},
        caches=("/var/cache/uv",),
        needs=("uv",),
    )
