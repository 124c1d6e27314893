"""The streams of a command: passed on to ours as they come, and kept within a limit.

A stream is a terminal where ours is one, so that the command behaves as it would without us; otherwise a pipe.

Standard library only, for Trailmark's own process.
"""

import contextlib
import os
import pty
import select
import termios
import threading
import time
from typing import Sequence

from trailmark_capture.text import Kept

_CHUNK = 65536
_IDLE_SECONDS = 0.3
_TURN_SECONDS = 0.05
# More than a pipe or a terminal holds back: whatever comes beyond was written by a program that lives on.
_REST_BYTES = 1024 * 1024


class Stream:
    """One stream. `target` is the end for the command; it is closed by `start`."""

    def __init__(self, ours: int, name: str, limit: int) -> None:
        self.name = name
        self.kept = Kept(limit)
        self._ours = ours
        self._is_terminal = os.isatty(ours)
        if self._is_terminal:
            self._source, self.target = pty.openpty()
            self.resize()
            _do_not_translate(self.target)
        else:
            self._source, self.target = os.pipe()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._pump, name=name, daemon=True)

    def start(self) -> None:
        """Pass on what comes, now that the command has its end."""
        os.close(self.target)
        self._thread.start()

    def finish(self) -> None:
        """Pass on the rest, when the command is over. A program it left behind is not waited for."""
        self._is_over.set()
        self._thread.join()

    def resize(self) -> None:
        """Give the command's terminal the size of ours."""
        if self._is_terminal:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetwinsize(self._source, termios.tcgetwinsize(self._ours))

    def _pump(self) -> None:
        rest, quiet_since = 0, time.monotonic()
        while True:
            if select.select([self._source], [], [], _TURN_SECONDS)[0]:
                data = self._read()
                if not data or not self._pass_on(data):
                    break
                rest += len(data) if self._is_over.is_set() else 0
                quiet_since = time.monotonic()
            elif self._is_over.is_set() and time.monotonic() - quiet_since > _IDLE_SECONDS:
                break
            if rest > _REST_BYTES:
                break
        os.close(self._source)

    def _read(self) -> bytes:
        try:
            return os.read(self._source, _CHUNK)
        except OSError:
            # So says a terminal that nobody has open any more.
            return b""

    def _pass_on(self, data: bytes) -> bool:
        """Keep and write a piece; False when nobody reads ours any more: so the command is told the same."""
        self.kept.write(data)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._ours, view) :]
            except BlockingIOError:
                select.select([], [self._ours], [])
            except BrokenPipeError:
                return False
            except OSError:
                return True
        return True


def fit(streams: Sequence[Stream], limit: int) -> None:
    """Cut what is kept of two streams so that together they stay within a limit."""
    larger, smaller = sorted((stream.kept for stream in streams), key=lambda kept: kept.held, reverse=True)
    if larger.held + smaller.held > limit:
        larger.shrink(max(limit // 2, limit - smaller.held))
        smaller.shrink(limit // 2)


def _do_not_translate(terminal: int) -> None:
    """Leave line ends as the command writes them: our own terminal translates them."""
    attributes = termios.tcgetattr(terminal)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
