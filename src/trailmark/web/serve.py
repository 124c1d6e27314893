"""Serving the client on loopback: one process a home, an address with a key, a clean end."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from trailmark.errors import Unavailable
from trailmark.web.app import PORT, create_app
from trailmark.web.client_file import ask_for_address, claim, remove_client, wait_for_client, write_client
from trailmark.web.security import Door
from trailmark.web.site import Site
from trailmark.wiring import Services

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 5
_PORTS_TRIED = 20
_OPENING_SECONDS = 60.0


def serve(
    services: Services,
    *,
    port: int | None = None,
    open_browser: bool = False,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted. Where a client runs already, announce a fresh address of it and return.

    Raises Unavailable when the port that was asked for is taken.
    """
    home = services.settings.home
    claimed = claim(home)
    if claimed is None:
        _announce(ask_for_address(wait_for_client(home)), home, open_browser, announce)
        return
    try:
        with _listen(port) as listener:
            door = Door(port=listener.getsockname()[1])
            _log_to(home / "log" / "client.log")
            app = create_app(services, door=door)
            server = _Server(app.state.site, _config(app))
            write_client(home, door.port, door.secret)
            server.on_ready = lambda: _announce(door.new_address(), home, open_browser, announce)
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        remove_client(home)
        os.close(claimed)


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says when it is ready, and lets go of open event streams and jobs when it stops."""

    on_ready: Callable[[], None]

    def __init__(self, site: Site, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._site = site

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce."""
        await super().startup(sockets)
        self.on_ready()
        threading.Thread(target=self._site.warm_up, name="warm up", daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would otherwise never end, then stop listening."""
        self._site.events.close()
        self._site.jobs.close(timeout=1.0)
        await super().shutdown(sockets)


def _listen(port: int | None) -> socket.socket:
    """Return a listening socket: on the port asked for, else on the first free one from 8700 on."""
    for candidate in [port] if port is not None else [*range(PORT, PORT + _PORTS_TRIED), 0]:
        # asyncio turns Nagle's algorithm off only where the protocol is named: it costs 40 ms an answer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise Unavailable(
        f"Port {port} is taken by another program. Choose another, or none to let Trailmark choose."
    )


def _announce(address: str, home: Path, open_browser: bool, announce: Callable[[str], None]) -> None:
    announce(address)
    if open_browser and _has_desktop():
        opener = _opener(home, address)
        webbrowser.open(opener.as_uri())
        forget = threading.Timer(_OPENING_SECONDS, lambda: opener.unlink(missing_ok=True))
        forget.daemon = True
        forget.start()


def _opener(home: Path, address: str) -> Path:
    """Write a page that leads to the address: a key in a browser's arguments could be read by other people."""
    path = home / "open.html"
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as page:
        page.write(
            '<!doctype html><meta charset="utf-8"><title>Trailmark</title>'
            f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">Open Trailmark</a>'
        )
    return path


def _has_desktop() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _log_to(path: Path) -> None:
    """Keep the log of what went wrong, for its owner only. Requests are not logged: addresses hold keys."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("trailmark", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
