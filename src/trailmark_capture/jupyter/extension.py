"""Trailmark's extension of the Jupyter server."""

from typing import Any

from jupyter_server.utils import url_path_join
from tornado.ioloop import PeriodicCallback

from trailmark_capture.jupyter import terminal_handlers
from trailmark_capture.jupyter.capture import current
from trailmark_capture.jupyter.handlers import LabHandler, NotifyHandler, StateHandler, state

_LOOK_EVERY_MS = 500
_HANDLERS = (("lab", LabHandler), ("notify", NotifyHandler), ("state", StateHandler))


def _load_jupyter_server_extension(server: Any) -> None:
    base = server.web_app.settings["base_url"]
    handlers = [(url_path_join(base, "trailmark", name), handler) for name, handler in _HANDLERS]
    server.web_app.add_handlers(".*$", [*handlers, *terminal_handlers.handlers(base)])
    PeriodicCallback(_Announcer().look, _LOOK_EVERY_MS).start()


class _Announcer:
    """Tells the open pages when recording stops or resumes."""

    def __init__(self) -> None:
        self._told = state()

    def look(self) -> None:
        found = state()
        if found != self._told:
            self._told = found
            current().labs.tell(found)
