"""A small server for pages in a real browser: fixed answers, and a list of what was asked."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from trailmark.pages.templates import STATIC

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
Answer = tuple[dict[str, str], bytes]
HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "Set-Cookie": "key=secret; path=/",
}


def page(html: str) -> Answer:
    """Return a page as the client sends it."""
    return HTML, html.encode()


@dataclass
class Site:
    """What is served, and what was asked: paths with their queries, and the cookies that came along."""

    base: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    dynamic: dict[str, Callable[[dict[str, str]], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    events: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        """Return the addresses that were asked for."""
        return [path for path, _ in self.asked]


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            site.asked.append((self.path, self.headers.get("Cookie") or ""))
            if parts.path == "/events":
                return self.stream()
            if parts.path.startswith("/static/"):
                file = STATIC / parts.path.removeprefix("/static/")
                kind = mimetypes.guess_type(file.name)[0] or "text/plain"
                return self.answer({"Content-Type": kind}, file.read_bytes())
            if parts.path in site.dynamic:
                return self.answer(*site.dynamic[parts.path](dict(parse_qsl(parts.query))))
            found = site.answers.get(parts.path)
            return self.answer(*found) if found else self.answer({}, b"absent", 404)

        do_POST = do_GET

        def answer(self, headers: dict[str, str], body: bytes, status: int = 200) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"retry: 1000\n\n")
            while not site.closing.is_set():
                if site.events.wait(0.05):
                    site.events.clear()
                    self.wfile.write(b"event: records\ndata: {}\n\n")
                    self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def served() -> Iterator[Site]:
    """Serve a site on a free port of this machine."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = True
    site.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
