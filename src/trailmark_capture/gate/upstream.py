"""Starts the server behind the gate, on a socket or port that nobody else is told of, and stays with it."""

import asyncio
import os
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trailmark_capture.config import Config
from trailmark_capture.loopback import ADDRESS, free_port
from trailmark_capture.private import private_folder
from trailmark_capture.r.environment import environment_for

VARIABLES = "variables.sh"
_PLACE = re.compile(r"\{(socket|port)\}")
_LONGEST_ADDRESS = 100
_GRACE_SECONDS = 8.0
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Place:
    """Where the server behind listens: at a socket in a folder that only we can enter, or at a port."""

    socket: str | None = None
    port: int | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server. Raises OSError while it does not listen."""
        if self.socket is not None:
            return await asyncio.open_unix_connection(self.socket)
        return await asyncio.open_connection(ADDRESS, self.port)

    def fill(self, text: str) -> str:
        """Return a text with {socket} and {port} replaced."""
        return _PLACE.sub(lambda match: str(getattr(self, match[1])), text)

    def remove(self) -> None:
        """Remove what is left of a socket."""
        if self.socket is not None:
            Path(self.socket).unlink(missing_ok=True)


def choose_place(argv: list[str], folder: Path) -> Place:
    """Return where a command will listen: at a socket if it names one, else at a free port."""
    if not any("{socket}" in word for word in argv):
        return Place(port=free_port())
    path = folder / "tool.sock"
    if len(os.fsencode(path)) > _LONGEST_ADDRESS:
        path = (private_folder(Path(tempfile.gettempdir())) or folder) / f"{folder.parent.name}.sock"
    path.unlink(missing_ok=True)
    return Place(socket=str(path))


def variables_of(config: Config, capture: str, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the server needs in its environment so that what is done in it is noted.

    For one that starts its workers with few of its variables, they are also written into the folder.
    """
    if capture != "r":
        return {}
    found = environment_for(config, config.tool, environ)
    known = {name: environ[name] for name in ("PATH", "VIRTUAL_ENV", "TRAILMARK_CAPTURE") if name in environ}
    lines = [
        f"export {name}={shlex.quote(value)}\n"
        for name, value in (known | found).items()
        if _ALIAS.fullmatch(name)
    ]
    descriptor = os.open(folder / VARIABLES, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.writelines(lines)
    return found


async def start(argv: list[str], *, env: Mapping[str, str], cwd: Path) -> asyncio.subprocess.Process:
    """Start the server, in a group of processes of its own. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *argv, env=dict(env), cwd=cwd, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
    )


async def end(process: asyncio.subprocess.Process) -> int:
    """Ask the server to end, make it after a while, and return its exit code."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        except asyncio.TimeoutError:
            _signal(process, signal.SIGKILL)
    return await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        # Some systems forbid it while a process of the group is ending.
        if sys.platform != "darwin":
            raise
