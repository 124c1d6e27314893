"""Serve a session's tool behind its gate: ``python -m trailmark_capture.gate FILE``.

FILE is `gate.json` in the session's folder: port, listen, hosts, name, page, argv, cwd, capture (shell, r, run). The
environment names the session's `capture.json`, and holds the token in TRAILMARK_GATE_TOKEN. What is written while it
runs lies in the folder `own` beside FILE.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trailmark_capture.config import Config, load
from trailmark_capture.gate import upstream
from trailmark_capture.gate.door import Door
from trailmark_capture.gate.proxy import Proxy
from trailmark_capture.gate.shown import forget_old, read_shown
from trailmark_capture.loopback import Taken, held
from trailmark_capture.shell.spool import SpoolReader

TOKEN = "TRAILMARK_GATE_TOKEN"
_DRAIN_SECONDS = 0.2


def main(file: Path) -> int:
    """Serve until told to stop, or until the server behind ends; return its exit code."""
    order = json.loads(file.read_text(encoding="utf-8"))
    config = load()
    token = os.environ.pop(TOKEN)
    with _journalling(config) if order["capture"] != "run" else contextlib.nullcontext():
        own = file.parent / "own"
        own.mkdir(exist_ok=True, mode=0o700)
        try:
            with held(order["port"]):
                return asyncio.run(_serve(order, config, token, own))
        except Taken as error:
            print(error.strerror, file=sys.stderr)
            return 1


async def _serve(order: Mapping[str, Any], config: Config, token: str, folder: Path) -> int:
    place = upstream.choose_place(order["argv"], folder)
    proxy = Proxy(
        Door(order["port"], token, order["hosts"]), place.open, name=order["name"], page=order["page"]
    )
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    # The port is taken before anything runs, so that nobody else can have it.
    server = await _listen(proxy, order["listen"], order["port"])
    try:
        process = await upstream.start(
            _command(order, place), env=_environment(order, config, place, folder), cwd=Path(order["cwd"])
        )
        waits = [asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        code = await upstream.end(process)
        return 0 if stopping.is_set() else code or 1
    except OSError as error:
        print(f"{order['argv'][0]}: {error.strerror or error}", file=sys.stderr)
        return 127
    finally:
        server.close()
        place.remove()


async def _listen(proxy: Proxy, address: str, port: int) -> asyncio.AbstractServer:
    """Listen at a port. Raises Taken when somebody else does."""
    try:
        return await asyncio.start_server(proxy.serve, address, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        said = f"Another program of this machine has the port {port} of {address}. Try again."
        raise Taken(error.errno, said) from None


def _command(order: Mapping[str, Any], place: upstream.Place) -> list[str]:
    argv = [place.fill(word) for word in order["argv"]]
    if order["capture"] != "run":
        return argv
    return [sys.executable, "-P", "-m", "trailmark_capture.gate.recorded", order["name"], *argv]


def _environment(
    order: Mapping[str, Any], config: Config, place: upstream.Place, folder: Path
) -> Mapping[str, str]:
    environ = {
        name: place.fill(value) if name in order["env"] else value for name, value in os.environ.items()
    }
    if order["capture"] != "run":
        # It leads to our capture, where that is not installed; the tool's own programs have no use for it.
        environ.pop("PYTHONPATH", None)
    return {**environ, **upstream.variables_of(config, order["capture"], folder, environ)}


@contextlib.contextmanager
def _journalling(config: Config) -> Any:
    """Journal the commands and expressions that are noted, in a thread beside."""
    stopping = threading.Event()
    config.shell.mkdir(parents=True, exist_ok=True, mode=0o700)
    reader = SpoolReader(config, outputs=lambda command: read_shown(config.shell, command))

    def work() -> None:
        while not stopping.wait(_DRAIN_SECONDS):
            with contextlib.suppress(OSError):
                reader.drain()

    thread = threading.Thread(target=work, name="journal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(5.0)
        with contextlib.suppress(OSError):
            reader.drain()
        reader.close()
        forget_old(config.shell)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
