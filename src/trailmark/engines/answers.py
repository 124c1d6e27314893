"""What an engine answers to an order, piece by piece, for as long as it is wanted; it may be silent for minutes."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from trailmark.engines.daemon import Daemon
from trailmark.errors import Cancelled, Unavailable
from trailmark.progress import Progress

_POLL_SECONDS = 0.1
_HELD = 16
_PIECE = 1 << 20


def ask(
    daemon: Daemon,
    path: str,
    what: str,
    progress: Progress,
    *,
    method: Literal["get", "post"] = "post",
    parameters: Mapping[str, str] | None = None,
    data: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    lines: bool = True,
) -> Iterator[bytes]:
    """Yield the lines of the answer, or its bytes as they come.

    `what` names the work. Raises Cancelled within a moment when it is no longer wanted: we hang up then, which ends
    the engine's work. Raises Unavailable when the engine hangs up, CommandFailed when it refuses.
    """

    def begin() -> Any:
        api = daemon.api
        answer = getattr(api, method)(
            f"{api.base_url}/v{api.api_version}/{path}",
            params=dict(parameters or {}),
            data=_while_wanted(data, progress, what) if not isinstance(data, bytes | None) else data,
            headers=dict(headers or {}),
            stream=True,
            timeout=None,
        )
        api._raise_for_status(answer)
        return answer

    heard = _Heard(begin, lines=lines)
    with daemon.telling(what):
        try:
            while True:
                raise_if_unwanted(progress, what)
                for piece in heard.next():
                    if piece is None:
                        return
                    yield piece
        finally:
            heard.hang_up()


def raise_if_unwanted(progress: Progress, what: str) -> None:
    """Raise Cancelled when a person asked to stop; `what` names the work as in “could not …”."""
    if progress.cancelled:
        raise Cancelled(f"Stopped, as asked, before the engine could {what}. Nothing was changed.")


def _while_wanted(data: Iterable[bytes], progress: Progress, what: str) -> Iterator[bytes]:
    for piece in data:
        raise_if_unwanted(progress, what)
        yield piece


class _Heard:
    """An answer that a thread listens to, so that its silence keeps nobody waiting."""

    def __init__(self, begin: Callable[[], Any], *, lines: bool) -> None:
        self._begin = begin
        self._lines = lines
        self._pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_HELD)
        self._is_unwanted = threading.Event()
        self._answer: Any = None
        threading.Thread(target=self._listen, name="engine-answer", daemon=True).start()

    def next(self) -> Iterator[bytes | None]:
        """Yield the next piece if there is one within a moment, None at the end."""
        try:
            piece = self._pieces.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        if isinstance(piece, BaseException):
            raise piece
        yield piece

    def hang_up(self) -> None:
        """Listen no longer."""
        self._is_unwanted.set()
        if self._answer is not None:
            with contextlib.suppress(OSError, AttributeError, ValueError):
                connection: socket.socket = self._answer.raw._connection.sock
                connection.shutdown(socket.SHUT_RDWR)
            self._answer.close()

    def _listen(self) -> None:
        try:
            self._answer = self._begin()
        except BaseException as error:
            self._put(error)
            return
        try:
            for piece in self._answer.iter_lines() if self._lines else self._answer.iter_content(_PIECE):
                self._put(piece)
            self._put(None)
        except Exception as error:
            broken = Unavailable("The engine hung up before it was done. Nothing was changed; try again.")
            broken.__cause__ = error
            self._put(broken)
        if self._is_unwanted.is_set():
            self.hang_up()

    def _put(self, piece: bytes | BaseException | None) -> None:
        while not self._is_unwanted.is_set():
            with contextlib.suppress(queue.Full):
                self._pieces.put(piece, timeout=_POLL_SECONDS)
                return
