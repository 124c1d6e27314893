"""Who may talk to this client: the person who holds the address that was printed, in their own browser.

The client listens on loopback only, but every web page that the person visits can send requests there, and so
can every program on the machine. Therefore, in this order, a request needs

    a Host and an Origin   that are exactly ours (another site's page, a rebound name: refused)
    a fetch context        of our own pages, or a person's navigation
    the session cookie     given once for a one-time key, never readable by scripts
    the CSRF token         of that session, for everything that changes something

`Door` knows keys and sessions, `Guard` asks all but the last for HTTP and WebSockets alike, `require_csrf`
asks the last in front of every route.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import cast
from urllib.parse import parse_qs

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trailmark.errors import TrailmarkError

CSRF_FIELD = "csrf"
CSRF_HEADER = "X-Trailmark-CSRF"
KEY_PATH = "/.client/key"
STATIC = "/static/"
SESSION = "trailmark.session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_KEYS = 16

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",
}


class Refused(TrailmarkError):
    """The request did not show that it comes from the person's own page."""


@dataclass
class Door:
    """The keys that were printed, and the sessions that were opened with them; all forgotten at exit."""

    port: int
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _keys: list[str] = field(default_factory=list)
    _sessions: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that name this client: none below `localhost`, for sessions are there."""
        return frozenset({f"127.0.0.1:{self.port}"})

    @property
    def origins(self) -> frozenset[str]:
        """The Origin headers of this client's own pages."""
        return frozenset(f"http://{host}" for host in self.hosts)

    @property
    def cookie(self) -> str:
        """The name of the session cookie. Browsers share cookies between ports, so the name holds it."""
        return f"trailmark-{self.port}"

    @property
    def misspelt(self) -> str:
        """The Host header of a person who typed `localhost`; they are led to where we are."""
        return f"localhost:{self.port}"

    def new_address(self) -> str:
        """Return an address that opens a session, once."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._keys = [*self._keys, _digest(key)][-_MOST_KEYS:]
        return f"http://127.0.0.1:{self.port}/?key={key}"

    def open_with(self, key: str) -> str | None:
        """Use a key up and return a new session's token; None for a key that is not, or no longer, good."""
        digest = _digest(key)
        with self._lock:
            if digest not in self._keys:
                return None
            self._keys.remove(digest)
            token = secrets.token_urlsafe(32)
            self._sessions.add(_digest(token))
            return token

    def find_session(self, headers: Headers) -> str | None:
        """Return the token of the session that a request belongs to, None when it has none."""
        for line in headers.getlist("cookie"):
            try:
                morsel = SimpleCookie(line).get(self.cookie)
            except CookieError:
                continue
            if morsel is not None and _digest(morsel.value) in self._sessions:
                return morsel.value
        return None

    def is_secret(self, given: str) -> bool:
        """Return whether `given` is what only this client's state file holds."""
        return hmac.compare_digest(given.encode(), self.secret.encode())


def csrf_token(session: str) -> str:
    """Return the token that forms of a session carry; it tells nothing about the session's own."""
    return hmac.new(session.encode(), b"trailmark csrf", hashlib.sha256).hexdigest()


def csrf_of(request: Request) -> str:
    """Return the token for the forms of the page that answers `request`."""
    return csrf_token(cast("str", request.scope.get(SESSION, "")))


async def require_csrf(request: HTTPConnection) -> None:
    """Let a request through that changes nothing or carries its session's token. Raises Refused."""
    if not isinstance(request, Request) or request.method in SAFE_METHODS or request.url.path == KEY_PATH:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        value = (await request.form()).get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    if not hmac.compare_digest((given or "").encode(), csrf_of(request).encode()):
        raise Refused(
            "This form is from before Trailmark was last started, or is not from Trailmark. "
            "Nothing was changed. Reload the page and try again."
        )


class Guard:
    """Refuses every request that is not the person's own, and puts the safety headers on every answer."""

    def __init__(self, app: ASGIApp, *, door: Door, refusal_page: str) -> None:
        self._app = app
        self._door = door
        self._page = refusal_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on with its session in the scope."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if self._may_connect(scope, headers):
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
        answer = self._answer(scope, headers)
        safe_send = _with_headers(send)
        await (answer or self._app)(scope, receive, safe_send)

    def _may_connect(self, scope: Scope, headers: Headers) -> bool:
        return (
            self._why_foreign(scope, headers) is None
            and bool(headers.get("origin"))
            and self._door.find_session(headers) is not None
        )

    def _answer(self, scope: Scope, headers: Headers) -> Response | None:
        foreign = self._why_foreign(scope, headers)
        if foreign:
            return self._to_our_host(scope, headers) or self._refusal(headers, foreign)
        path = scope["path"]
        if path == "/" and b"key=" in scope["query_string"] and scope["method"] == "GET":
            return self._enter(scope, headers)
        session = self._door.find_session(headers)
        scope[SESSION] = session or ""
        if session is None and not path.startswith(STATIC) and path != KEY_PATH:
            return self._refusal(
                headers, "It holds no key of this Trailmark, or Trailmark was started anew since."
            )
        return None

    def _why_foreign(self, scope: Scope, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._door.hosts:
            return "The request was meant for another address."
        if any(origin not in self._door.origins for origin in headers.getlist("origin")):
            return "The request came from a page of another site."
        if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and not (
            scope["type"] == "http"
            and scope["method"] in SAFE_METHODS
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"
        ):
            return "The request came from a page of another site."
        return None

    def _to_our_host(self, scope: Scope, headers: Headers) -> Response | None:
        """Lead a person who typed `localhost` on to us; whatever else asks for that host gets nothing."""
        is_typed = (
            scope["method"] == "GET"
            and headers.getlist("host") == [self._door.misspelt]
            and headers.get("sec-fetch-site", "none") == "none"
            and "origin" not in headers
        )
        if not is_typed:
            return None
        asked = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        return RedirectResponse(
            f"http://127.0.0.1:{self._door.port}{asked.decode('latin-1')}", status_code=303
        )

    def _enter(self, scope: Scope, headers: Headers) -> Response:
        """Exchange the key of the printed address for a cookie; a key that was only prefetched stays good."""
        if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
            return self._refusal(headers, "Keys are not for fetching ahead.")
        token = self._door.open_with(parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0])
        if token is None and self._door.find_session(headers) is None:
            return self._refusal(headers, "This key has been used, or is from an earlier start.")
        response = _to_first_page(headers)
        if token is not None:
            response.set_cookie(self._door.cookie, token, httponly=True, samesite="strict", path="/")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _refusal(self, headers: Headers, why: str) -> Response:
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(self._page.replace("{{why}}", why), status_code=403)
        return JSONResponse({"error": f"{why} `trailmark start` prints an address that works."}, 403)


def _to_first_page(headers: Headers) -> Response:
    """Go on without the key. After a link from elsewhere, a redirect would not carry a strict cookie."""
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return RedirectResponse("/", status_code=303)
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
        '<title>Trailmark</title><a href="/">Open Trailmark</a></html>'
    )


def _with_headers(send: Send) -> Send:
    async def safe_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return safe_send


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
