"""The page of one terminal, and the files that it is made of."""

import html
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import StaticFileHandler, authenticated

from trailmark_capture.jupyter.capture import current

FILES = Path(__file__).parent / "terminal_page"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # The terminal sets the sizes of its lines by style sheets that it writes itself.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class TerminalPageHandler(JupyterHandler):  # type: ignore[misc]
    """The page, for whoever has the session's token or cookie."""

    auth_resource = "terminals"

    @property
    def content_security_policy(self) -> str:
        """What the page may load: nothing but ours."""
        return _POLICY

    @authenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Answer the page."""
        # Asking for it sets the cookie that the page's requests are told apart by.
        _ = self.xsrf_token
        root = f"{self.request.protocol}://{self.request.host}{self.base_url}"
        base = url_path_join(self.base_url, "trailmark", "terminal-files") + "/"
        values = {"name": current().config.project.name, "root": root, "base": base}
        page = (FILES / "terminal.html").read_text(encoding="utf-8")
        for key, value in values.items():
            page = page.replace("{{" + key + "}}", html.escape(value))
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.finish(page)


class TerminalFilesHandler(StaticFileHandler):  # type: ignore[misc]
    """The page's scripts and styles; they hold nothing of anybody."""

    def set_extra_headers(self, path: str) -> None:
        """Let the browser keep them for as long as they stay the same."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


def handlers(base: str) -> list[tuple[Any, ...]]:
    """Return the routes of the page."""
    return [
        (url_path_join(base, "trailmark", "terminal"), TerminalPageHandler),
        (
            url_path_join(base, "trailmark", "terminal-files", "(.*)"),
            TerminalFilesHandler,
            {"path": str(FILES)},
        ),
    ]
