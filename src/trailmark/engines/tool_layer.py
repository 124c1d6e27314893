"""What an image needs so that sessions can run in it: JupyterLab in an environment of its own, beside the project's.

Another tool, such as VS Code, is made once for a base, in an image of which only the folder of tools is used. The
image of an environment stays as its lock says; for a session in that tool, one is made of both.

Capture itself is not in the image. It is mounted when a session starts, so that it is always the code that is
installed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from trailmark.engines.images import Image
from trailmark.engines.recipe import Brought, Layer, Recipe, render

PREFIX = Path("/opt/trailmark")
TOOLS = "/opt/trailmark-tools"
PARENT_LABEL = "trailmark.parent"
TOOL_LABEL = "trailmark.tool"
_GET = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o APT::Sandbox::User=root"
_PYTHON = ">=3.11"
_PYTHONS = "/opt/trailmark-python"
# Every package with its hashes, for all Pythons and machines; scripts/lock-tools writes it.
_LOCK = "tools.lock.txt"


def tool_layer() -> Layer:
    """Return the layer: JupyterLab and what it needs, locked, in the image's own Python or one that uv brings."""
    lock = (Path(__file__).parent / _LOCK).read_bytes()
    return Layer(
        "tools",
        (
            f"export UV_PYTHON_INSTALL_DIR={_PYTHONS} UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy",
            f'uv venv --quiet --no-project --no-config --python "{_PYTHON}" {PREFIX}',
            f"uv pip sync --no-config --require-hashes --only-binary :all: --python {PREFIX}/bin/python {_LOCK}",
            # One process, in the order of the names: the same bytecode each time.
            f"{PREFIX}/bin/python -m compileall -q -j 1 {PREFIX}/lib",
        ),
        {_LOCK: lock},
        caches=("/var/cache/uv",),
        needs=("uv",),
    )


def made_tool(base: str, name: str, build: Sequence[str], run: Sequence[str]) -> Recipe:
    """Return the recipe of the image in which a tool's folder is filled, for all environments with this base.

    The system packages in `build` are there while that is done, and in no image that a session runs in.
    """
    caches = ("/var/cache/npm", "/var/cache/uv")
    exports = ("export UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy", f"mkdir -p {TOOLS}")
    layer = Layer(f"tool-{name}", (*exports, *run), caches=caches, needs=("uv",))
    return Recipe(base, (*_packages("tool-packages", build), layer), {TOOL_LABEL: name})


def with_tool(parent: Image, name: str, made: Image | None, apt: Sequence[str]) -> Recipe:
    """Return the recipe of an environment's image with a tool: its folder, if one was made, and system packages."""
    brought = (Brought(f"tool-{name}", made.reference, TOOLS),) if made is not None else ()
    labels = {PARENT_LABEL: parent.id, TOOL_LABEL: name}
    return Recipe(parent.reference, (*_packages("tool-packages", apt), *brought), labels)


def digest_of(recipe: Recipe, *others: str) -> str:
    """Return a digest of all that a recipe consists of but its labels, and of other digests."""
    bare = Recipe(recipe.base, recipe.layers)
    digest = hashlib.sha256(render(bare, programs={"uv": b""}).pack())
    for other in others:
        digest.update(f"\0{other}".encode())
    return digest.hexdigest()


def _packages(name: str, packages: Sequence[str]) -> tuple[Layer, ...]:
    if not packages:
        return ()
    steps = (f"{_GET} update", f"{_GET} install {' '.join(packages)}", "rm -rf /var/lib/apt/lists/*")
    return (Layer(name, steps),)
