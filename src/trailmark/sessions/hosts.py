"""The name by which a browser calls a session: one of its own.

Browsers keep cookies by host, whatever the port. What runs in one session must be sent neither the cookies of the
client, which is at 127.0.0.1, nor those of other sessions. Names below `localhost` are this machine by definition
(RFC 6761), and each is a site of its own; most browsers know them without asking anybody.
"""

from __future__ import annotations

import socket
import sys

PLAIN = "localhost"
_OF_OTHERS = ("Chrome/", "Chromium/", "Firefox/")


def own_host(session_id: str) -> str:
    """Return the name that a session alone has."""
    return f"{session_id.lower()}.{PLAIN}"


def hosts_of(session_id: str) -> tuple[str, ...]:
    """Return the names that a session's server answers to, besides loopback addresses."""
    return (own_host(session_id), PLAIN)


def host_for(session_id: str, agent: str | None = None) -> str:
    """Return the name by which a person's browser reaches a session; `agent` is what the browser says it is.

    Safari asks the system, which may not know such names: it gets `localhost`, which is not the client's either.
    """
    own = own_host(session_id)
    asks_the_system = _is_safari(agent) if agent else sys.platform == "darwin"
    if not asks_the_system:
        return own
    return own if sys.platform == "darwin" and _is_known(own) else PLAIN


def _is_safari(agent: str) -> bool:
    return "AppleWebKit/" in agent and not any(name in agent for name in _OF_OTHERS)


def _is_known(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return {str(address[0]) for *_, address in found} <= {"127.0.0.1", "::1"}
