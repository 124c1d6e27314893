"""What clients asked of kernels, as seen on the websocket: cell ids, sources, and who wants no record."""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

_KEPT = 20_000
_WATCHED = (b"execute_request", b"comm_")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `comm` is the widget channel that a comm message is meant for."""

    id: str
    session: str = ""
    code: str = ""
    cell: str | None = None
    recorded: bool = True
    comm: str | None = None


class Requests:
    """The newest requests by message id; written by the event loop, read by the observer's thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Request] = OrderedDict()
        self._sessions: dict[str, bool] = {}
        self._unanswered: dict[str, dict[str, tuple[float, Request]]] = {}
        self._changed = threading.Condition()

    def add_session(self, session: str, *, of_page: bool) -> None:
        """Note that a websocket speaks for this client session: its requests are all seen here."""
        self._sessions[session] = of_page

    def is_of_page(self, session: str) -> bool:
        """Return whether a session belongs to a page in a browser."""
        return self._sessions.get(session, False)

    def add(self, request: Request, kernel: str = "") -> None:
        """Keep a request until newer ones push it out, and know it unanswered until its kernel has answered."""
        with self._changed:
            self._known[request.id] = request
            if request.recorded and request.comm is None:
                self._unanswered.setdefault(kernel, {})[request.id] = (time.time(), request)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
            self._changed.notify_all()

    def answered(self, message_id: str) -> None:
        """Note that a kernel is done with a request."""
        with self._changed:
            for waiting in self._unanswered.values():
                waiting.pop(message_id, None)

    def take_unanswered(self, kernel: str, before: float) -> list[Request]:
        """Return what a kernel was asked before a moment and has not answered, oldest first; once."""
        with self._changed:
            waiting = self._unanswered.get(kernel, {})
            found = [request for at, request in waiting.values() if at < before]
            for request in found:
                del waiting[request.id]
            return found

    def find(self, message_id: str, session: str = "", wait: float = 0.0) -> Request | None:
        """Return the request, waiting a moment for one that a websocket has forwarded but not yet noted."""
        with self._changed:
            if session in self._sessions and wait:
                self._changed.wait_for(lambda: message_id in self._known, wait)
            return self._known.get(message_id)


def peek(message: str | bytes, *, framed: bool) -> Request | None:
    """Return the request in a websocket's message, or None when it is of no interest. Never raises.

    `framed` tells the protocol ``v1.kernel.websocket.jupyter.org`` from the older one.
    """
    try:
        if framed:
            return _peek_framed(message) if isinstance(message, bytes) else None
        return _peek_json(message)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _peek_framed(message: bytes) -> Request | None:
    count = int.from_bytes(message[:8], "little")
    offsets = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(1, min(count, 6) + 1)]
    if message[offsets[0] : offsets[1]] != b"shell":
        return None
    header = message[offsets[1] : offsets[2]]
    if not any(word in header for word in _WATCHED):
        return None
    metadata = message[offsets[3] : offsets[4]]
    content = message[offsets[4] : offsets[5]]
    return _request(json.loads(header), json.loads(metadata), json.loads(content))


def _peek_json(message: str | bytes) -> Request | None:
    if isinstance(message, bytes):
        count, start = int.from_bytes(message[:4], "big"), int.from_bytes(message[4:8], "big")
        end = int.from_bytes(message[8:12], "big") if count > 1 else None
        message = message[start:end].decode()
    if not any(word.decode() in message for word in _WATCHED):
        return None
    parts = json.loads(message)
    return _request(parts["header"], parts.get("metadata") or {}, parts["content"])


def _request(header: dict[str, Any], metadata: dict[str, Any], content: dict[str, Any]) -> Request | None:
    kind = header["msg_type"]
    if kind.startswith("comm_"):
        return Request(id=header["msg_id"], session=header.get("session", ""), comm=content.get("comm_id"))
    if kind != "execute_request":
        return None
    silent = bool(content.get("silent", False))
    cell = metadata.get("cellId")
    return Request(
        id=header["msg_id"],
        session=header.get("session", ""),
        code=content.get("code", ""),
        cell=cell if isinstance(cell, str) else None,
        recorded=not silent and bool(content.get("store_history", True)),
    )
