"""The server extension of Trailmark."""

from typing import Any


def _load_jupyter_server_extension(server: Any) -> None:
    server.log.info("Trailmark is recording")
