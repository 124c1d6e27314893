"""What the commands of a terminal have shown, cut out of the terminal's stream by the marks of the shell hook.

The hook writes the escape sequence ``OSC 133;C`` when a command starts, and ``OSC 133;D;STATUS;trailmark=ID`` when
it is over. What is typed while a command runs may be an answer to it, and is echoed between what it shows: from
then on nothing more of that command is kept.
"""

import re
import threading
from collections import OrderedDict
from typing import Any

from trailmark_capture.text import Kept

LIMIT = 1024 * 1024
_REMEMBERED = 200
_MARK = re.compile(r"\x1b\]133;([CD])([^\x07\x1b]*)(?:\x07|\x1b\\)")
_UNFINISHED = re.compile(r"\x1b(?:\](?:1(?:3(?:3(?:;[^\x07\x1b]{0,200}\x1b?)?)?)?)?|\[(?:\?[0-9]{0,5})?)?$")
_ALTERNATE = re.compile(r"\x1b\[\?(?:1049|1047|47)([hl])")
_ID = re.compile(r"trailmark=([0-9A-Z]{26})")
_ANSWERED = "\n[… what followed is not kept, because something was typed in …]\n"
_HARMLESS = frozenset("\r\x03\x04\x1a\x1c")


class Screens:
    """What commands have shown, by their ids. Written by the event loop, read by the observer's thread."""

    def __init__(self, limit: int) -> None:
        self.limit = min(limit, LIMIT)
        self._shown: OrderedDict[str, Kept] = OrderedDict()
        self._running: set[Screen] = set()
        self._changed = threading.Condition()

    def outputs(self, command: str, wait: float = 0.3) -> list[dict[str, Any]]:
        """Return the outputs of a command that is over; waits for a mark that is on its way."""
        with self._changed:
            self._changed.wait_for(lambda: command in self._shown or not self._running, wait)
            kept = self._shown.pop(command, None)
        return [kept.output("stdout", 0)] if kept is not None and kept.size else []

    def begin(self, screen: "Screen") -> None:
        """Note that a command runs on a screen."""
        with self._changed:
            self._running.add(screen)

    def end(self, screen: "Screen", command: str | None, kept: Kept | None) -> None:
        """Take what a command has shown; without a command, the screen is gone."""
        with self._changed:
            self._running.discard(screen)
            if command is not None and kept is not None:
                self._shown[command] = kept
            if len(self._shown) > _REMEMBERED:
                self._shown.popitem(last=False)
            self._changed.notify_all()


class Screen:
    """One terminal, as a client of its stream."""

    size = (None, None)

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._rest = ""
        self._kept: Kept | None = None
        self._is_alternate = False
        self._was_answered = False
        self._is_closed = False

    def on_pty_read(self, text: str) -> None:
        """Take what the terminal shows."""
        text = self._rest + text
        unfinished = _UNFINISHED.search(text)
        self._rest = text[unfinished.start() :] if unfinished else ""
        text = text[: len(text) - len(self._rest)]
        position = 0
        for mark in _MARK.finditer(text):
            self._keep(text[position : mark.start()])
            self._marked(mark.group(1), mark.group(2))
            position = mark.end()
        self._keep(text[position:])

    def on_pty_died(self) -> None:
        """Forget the terminal."""
        self._screens.end(self, None, None)

    def typed(self, text: str) -> None:
        """Note that something was typed that will be echoed. May be called by any thread."""
        is_sequence = text.startswith("\x1b") and not text.startswith("\x1b[200~")
        if self._kept is not None and not is_sequence and not _HARMLESS.issuperset(text):
            self._was_answered = True

    def _marked(self, mark: str, details: str) -> None:
        if mark == "C" and self._kept is None:
            self._kept = Kept(self._screens.limit)
            self._was_answered = self._is_closed = self._is_alternate = False
            self._screens.begin(self)
        found = _ID.search(details) if mark == "D" else None
        if found is not None:
            self._screens.end(self, found.group(1), self._kept)
            self._kept = None

    def _keep(self, text: str) -> None:
        """Keep what is shown, but not what full-screen programs draw."""
        if self._kept is None or self._is_closed or not text:
            return
        if self._was_answered:
            self._is_closed = True
            self._kept.write(_ANSWERED)
            return
        position = 0
        for switch in _ALTERNATE.finditer(text):
            if not self._is_alternate:
                self._kept.write(text[position : switch.start()])
            self._is_alternate = switch.group(1) == "h"
            position = switch.end()
        if not self._is_alternate:
            self._kept.write(text[position:])
