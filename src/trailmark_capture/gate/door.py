"""Who may pass a gate, and which headers go on with them. No input or output.

The gate listens on loopback only, but every page that the person visits can send requests there, and every program
of this machine. Therefore a request needs exactly our Host, an Origin that is ours or none, a fetch of our own pages
or a person's navigation, and the cookie that a key was exchanged for; or the session's token, which programs of
Trailmark send. Neither goes on to the server behind, nor do the cookies of other servers of this machine: browsers
share cookies between the ports of a host, and not every browser reaches a session at a host of its own.

The server behind is told that it was asked for at `localhost`: many know no other name of this machine, and refuse
it.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from trailmark_capture.gate.keys import PATH, read_key
from trailmark_capture.loopback import ADDRESS

Header = tuple[bytes, bytes]
_SAFE = frozenset({"GET", "HEAD"})
_OUR_COOKIES = re.compile(r"(?:trailmark-|username-).*|_xsrf", re.DOTALL)
_HOPS = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"upgrade", b"expect"}
)  # fmt: skip
_PLACES = frozenset({b"host", b"origin", b"referer"})
# They would change what the browser keeps of every other server of this machine.
_WITHHELD = frozenset({b"clear-site-data", b"alt-svc", b"strict-transport-security"})


@dataclass(frozen=True)
class Refused:
    """The request is not the person's, or asks for nothing that there can be."""

    why: str
    status: int = 403


@dataclass(frozen=True)
class Entered:
    """The key was good: a cookie is given. `directly` says that a redirect will carry it."""

    cookie: str
    directly: bool


@dataclass
class Door:
    """The door of one session. Only digests of what opens it are kept."""

    port: int
    token: str = field(repr=False)
    names: Sequence[str] = ()
    clock: Callable[[], float] = time.time
    _used: dict[str, int] = field(default_factory=dict, repr=False)
    _sessions: set[str] = field(default_factory=set, repr=False)

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that name this gate: by its names, and by the address that programs use."""
        return frozenset(f"{name}:{self.port}" for name in (*self.names, ADDRESS))

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"trailmark-gate-{self.port}"

    def judge(self, method: str, target: str, headers: Sequence[Header]) -> Refused | Entered | None:
        """Say what becomes of a request; None lets it pass."""
        foreign = self._why_foreign(method, headers)
        if foreign is not None:
            return Refused(foreign)
        try:
            path = urlsplit(target).path
        except ValueError:
            return Refused("There is no such address.", 400)
        if path == PATH:
            return self._enter(target, headers)
        if self._has_token(headers) or self._has_cookie(headers):
            return None
        return Refused("It holds no key of this session.")

    def _why_foreign(self, method: str, headers: Sequence[Header]) -> str | None:
        hosts = _values(headers, b"host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return "The request was meant for another address."
        if any(origin != f"http://{hosts[0]}" for origin in _values(headers, b"origin")):
            return "The request came from a page of another site."
        if _value(headers, b"sec-fetch-site", "none") in ("cross-site", "same-site") and not (
            method in _SAFE
            and _value(headers, b"sec-fetch-mode", "") == "navigate"
            and _value(headers, b"sec-fetch-dest", "document") == "document"
        ):
            return "The request came from a page of another site."
        if is_websocket(headers) and not _values(headers, b"origin") and not self._has_token(headers):
            return "The connection does not say from which page it comes."
        return None

    def _enter(self, target: str, headers: Sequence[Header]) -> Refused | Entered:
        if "prefetch" in _value(headers, b"sec-purpose", _value(headers, b"purpose", "")):
            return Refused("Keys are not for fetching ahead.")
        now = self.clock()
        key = read_key(self.token, parse_qs(urlsplit(target).query).get("key", [""])[0], now)
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        if key is None or key.nonce in self._used:
            if self._has_cookie(headers):
                return Entered("", directly=True)
            return Refused("This key has been used, or is too old.")
        self._used[key.nonce] = key.until
        value = secrets.token_urlsafe(32)
        self._sessions.add(_digest(value))
        site = _value(headers, b"sec-fetch-site", "none")
        return Entered(value, directly=site in ("none", "same-origin", "same-site"))

    def _has_token(self, headers: Sequence[Header]) -> bool:
        given = _value(headers, b"authorization", "")
        return hmac.compare_digest(given.encode(), f"token {self.token}".encode())

    def _has_cookie(self, headers: Sequence[Header]) -> bool:
        return any(
            name == self.cookie and _digest(value) in self._sessions
            for line in _values(headers, b"cookie")
            for name, value in _cookies(line)
        )

    def _own(self, headers: Iterable[Header]) -> bytes:
        """Return the host and port that a request was made for."""
        return _value(headers, b"host", "").encode("latin-1") or self._plain

    @property
    def _plain(self) -> bytes:
        return f"localhost:{self.port}".encode()

    def onward(self, headers: Sequence[Header]) -> list[Header]:
        """Return the headers of a request for the server behind: without what opens this gate and others."""
        passed = []
        for name, value in headers:
            if name == b"cookie":
                kept = [f"{key}={text}" for key, text in _pairs(value.decode("latin-1"))
                        if not _OUR_COOKIES.fullmatch(key)]  # fmt: skip
                if kept:
                    passed.append((name, "; ".join(kept).encode("latin-1")))
            elif name == b"authorization" and value == f"token {self.token}".encode():
                continue
            elif name in _PLACES:
                passed.append((name, value.replace(self._own(headers), self._plain)))
            elif name not in _HOPS:
                passed.append((name, value))
        return passed

    def back(self, headers: Iterable[Header], asked: Iterable[Header]) -> list[Header]:
        """Return the headers of an answer to a request for the browser: none that would touch others' cookies.

        What leads to where the server behind believes to be leads to where the browser is.
        """
        here, own = b"http://" + self._plain, b"http://" + self._own(asked)
        return [
            (name, own + value[len(here) :] if name == b"location" and _is_below(value, here) else value)
            for name, value in headers
            if name not in _HOPS | _WITHHELD
            and not (name == b"set-cookie" and _OUR_COOKIES.fullmatch(_named(value.decode("latin-1"))))
        ]


def _is_below(address: bytes, origin: bytes) -> bool:
    return address == origin or address.startswith((origin + b"/", origin + b"?", origin + b"#"))


def is_websocket(headers: Sequence[Header]) -> bool:
    """Return whether a request asks to go on as a websocket."""
    return _value(headers, b"upgrade", "").lower() == "websocket"


def _values(headers: Iterable[Header], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _value(headers: Iterable[Header], name: bytes, default: str) -> str:
    return next(iter(_values(headers, name)), default)


def _cookies(line: str) -> list[tuple[str, str]]:
    found = []
    for name, value in _pairs(line):
        try:
            morsel = SimpleCookie(f"{name}={value}").get(name)
        except CookieError:
            continue
        found.append((name, morsel.value if morsel is not None else value))
    return found


def _named(cookie: str) -> str:
    """Return the name that a cookie has when it comes back: one without a name comes back as its value."""
    return cookie.lstrip("= \t").partition(";")[0].partition("=")[0].strip()


def _pairs(line: str) -> list[tuple[str, str]]:
    parts = (part.strip().partition("=") for part in line.split(";") if part.strip())
    return [(name.strip(), value) for name, _, value in parts]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
