"""Keys that open a gate once: made by whoever knows the session's token, checked without asking anybody (pure)."""

import hashlib
import hmac
import re
from typing import NamedTuple, Optional

PATH = "/.trailmark/enter"
VALID_SECONDS = 8 * 3600
_KEY = re.compile(r"(?P<until>\d{10})\.(?P<nonce>[A-Za-z0-9_-]{16,64})\.(?P<mac>[0-9a-f]{64})")


class Key(NamedTuple):
    """A key that is genuine: until when it is good, and what tells it from all others."""

    until: int
    nonce: str


def make_key(token: str, nonce: str, now: float) -> str:
    """Return a key that is good for VALID_SECONDS. The nonce must never have been used before."""
    until = int(now) + VALID_SECONDS
    return "{}.{}.{}".format(until, nonce, _mac(token, until, nonce))


def read_key(token: str, text: str, now: float) -> Optional[Key]:
    """Return the key in a text; None when it was not made with the token, or is too old."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    until = int(match["until"])
    genuine = hmac.compare_digest(match["mac"], _mac(token, until, match["nonce"]))
    return Key(until, match["nonce"]) if genuine and now < until else None


def _mac(token: str, until: int, nonce: str) -> str:
    told = "trailmark gate {} {}".format(until, nonce)
    return hmac.new(token.encode(), told.encode(), hashlib.sha256).hexdigest()
