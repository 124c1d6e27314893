"""What Trailmark's server extension answers: the channel to open JupyterLab pages, notices, saving, state."""

import json
from collections.abc import Mapping
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError, authenticated
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from trailmark_capture.jupyter.capture import current

SAVE_SECONDS = 2.5


class LabHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # type: ignore[misc]
    """The channel to one open JupyterLab page: as long as it is open, the page is present."""

    auth_resource = "contents"

    def set_default_headers(self) -> None:
        """Set no headers: this is a websocket."""

    @ws_authenticated  # type: ignore[untyped-decorator]
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the channel for whoever is signed in."""
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Welcome the page."""
        super().open(*args, **kwargs)
        self.tell(state())
        current().labs.join(self)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send the page a message; one that is closing misses it."""
        try:
            self.write_message(json.dumps(message))
        except WebSocketClosedError:
            self.log.debug("A page was closed before it could be told")

    def on_message(self, message: Any) -> None:
        """Take the page's answer to a request to save."""
        try:
            number = int(json.loads(message)["saved"])
        except (ValueError, KeyError, TypeError):
            return
        current().labs.answer(self, number)

    def on_close(self) -> None:
        """Forget the page."""
        current().labs.leave(self)
        super().on_close()


class NotifyHandler(APIHandler):  # type: ignore[misc]
    """Passes a notice on to the open pages."""

    auth_resource = "contents"

    @authenticated  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Take ``{"message", "save", "reload", "restart"}``; answer ``{"pages", "saved"}``.

        `save` has the pages save their documents and waits for it; such a message is shown only when it
        asks for something else as well.
        """
        body = self.get_json_body() or {}
        message = body.get("message")
        if not isinstance(message, str) or not message:
            raise HTTPError(400, "A notice needs a message.")
        labs = current().labs
        saved = await labs.save(SAVE_SECONDS) if body.get("save") else None
        notice = {name: bool(body.get(name)) for name in ("reload", "restart")}
        if not body.get("save") or any(notice.values()):
            labs.notify({"type": "notice", "message": message, **notice})
        self.finish(json.dumps({"pages": labs.present, "saved": saved}))


class StateHandler(APIHandler):  # type: ignore[misc]
    """Tells how recording goes."""

    auth_resource = "contents"

    @authenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Answer ``{"recording", "problem", "pages"}``."""
        self.finish(json.dumps({**state(), "pages": current().labs.present}))


def state() -> dict[str, Any]:
    """Return whether entries reach the journal, and why they do not."""
    problem = current().recording.problem
    return {"type": "state", "recording": problem is None, "problem": problem}
