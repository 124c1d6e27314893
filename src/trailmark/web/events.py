"""Server-sent events: open pages hear within a quarter of a second that records, a session or a job changed.

One thread looks at what open pages show, and only while there are such pages. An event carries no facts; the
page asks for what it shows, so that a missed event costs nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trailmark.web.watch import Mark, records_mark, seen, sessions_mark

Event = Literal["records", "session", "jobs", "files"]
POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
_FIRST = "retry: 1000\n\n"
_HEARTBEAT = ": still here\n\n"


@dataclass(eq=False)
class _Page:
    """One open page: the project that it shows, and the news that it has not been sent."""

    project: Path | None
    loop: asyncio.AbstractEventLoop
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    news: set[Event] = field(default_factory=set)
    over: bool = False

    def tell(self, event: Event) -> None:
        """Add an event, from any thread."""
        self.news.add(event)
        self._wake()

    def end(self) -> None:
        """Let the page's stream end, from any thread."""
        self.over = True
        self._wake()

    def _wake(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.wake.set)


class Events:
    """Who listens, and the one thread that looks for news on their behalf."""

    def __init__(self, home: Path, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._home = home
        self._poll = poll_seconds
        self._pages: set[_Page] = set()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def is_watching(self) -> bool:
        """Whether the thread that looks for news is at work."""
        return self._watcher is not None and self._watcher.is_alive()

    def tell_all(self, event: Event) -> None:
        """Tell every open page of an event."""
        for page in self._listeners():
            page.tell(event)

    def seen(self, project: Path | None) -> str:
        """Return what a page tells `stream` that it has seen."""
        return seen(self._home, project)

    async def stream(self, project: Path | None, since: str | None = None) -> AsyncIterator[str]:
        """Yield the event stream of a page that shows `project`, until it goes away or `close` is called.

        What happened since the page was made (`since` is what it had `seen`) is told at once.
        """
        page = _Page(project, asyncio.get_running_loop())
        self._add(page)
        if since is not None and since != self.seen(project):
            page.news.update(("records", "session"))
            page.wake.set()
        try:
            yield _FIRST
            while not page.over:
                try:
                    await asyncio.wait_for(page.wake.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield _HEARTBEAT
                    continue
                page.wake.clear()
                while page.news:
                    yield f"event: {page.news.pop()}\ndata: 1\n\n"
        finally:
            with self._lock:
                self._pages.discard(page)

    def close(self) -> None:
        """End all streams and the thread."""
        self._stop.set()
        for page in self._listeners():
            page.end()

    def _listeners(self) -> list[_Page]:
        with self._lock:
            return list(self._pages)

    def _add(self, page: _Page) -> None:
        with self._lock:
            self._pages.add(page)
            if not self.is_watching and not self._stop.is_set():
                self._watcher = threading.Thread(target=self._watch, name="watch for news", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        known: dict[Path | None, Mark] = {}
        while not self._stop.wait(self._poll):
            with self._lock:
                pages = list(self._pages)
                if not pages:
                    self._watcher = None
                    return
            places = {page.project for page in pages} | {None}
            changed = {place for place in places if self._has_news(known, place)}
            for gone in known.keys() - places:
                del known[gone]
            for page in pages:
                if page.project is not None and page.project in changed:
                    page.tell("records")
                if None in changed:
                    page.tell("session")

    def _has_news(self, known: dict[Path | None, Mark], place: Path | None) -> bool:
        look: Callable[[], Mark] = (
            (lambda: sessions_mark(self._home)) if place is None else (lambda: records_mark(place))
        )
        mark = look()
        before = known.get(place)
        known[place] = mark
        return before is not None and before != mark
