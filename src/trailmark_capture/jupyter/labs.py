"""The JupyterLab pages that are open, and the notices that Trailmark sends them."""

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

_KEPT = 20


class Page(Protocol):
    """One open JupyterLab page."""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send the page a message."""


class Labs:
    """All open pages. Lives on the event loop; `present` may be read from any thread."""

    def __init__(self) -> None:
        self._pages: list[Page] = []
        self._unseen: deque[Mapping[str, Any]] = deque(maxlen=_KEPT)
        self._asked: dict[int, tuple[set[int], asyncio.Future[bool]]] = {}
        self._numbers = itertools.count(1)

    @property
    def present(self) -> int:
        """The number of open pages."""
        return len(self._pages)

    def join(self, page: Page) -> None:
        """Welcome a page, with what was sent while none was open."""
        self._pages.append(page)
        while self._unseen:
            page.tell(self._unseen.popleft())

    def leave(self, page: Page) -> None:
        """Forget a page; nobody waits for its answers any longer."""
        if page in self._pages:
            self._pages.remove(page)
        for number in list(self._asked):
            self.answer(page, number)

    def notify(self, notice: Mapping[str, Any]) -> None:
        """Send a notice to every page; when none is open, keep for the next one what concerns a kernel."""
        if not self._pages and notice.get("restart") and notice not in self._unseen:
            self._unseen.append(notice)
        self.tell(notice)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to every open page."""
        for page in list(self._pages):
            page.tell(message)

    async def save(self, timeout: float) -> bool:
        """Have every page save its documents; True when all said so in time."""
        if not self._pages:
            return True
        number = next(self._numbers)
        done = asyncio.get_running_loop().create_future()
        self._asked[number] = ({id(page) for page in self._pages}, done)
        self.tell({"type": "save", "number": number})
        try:
            return await asyncio.wait_for(done, timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            self._asked.pop(number, None)

    def answer(self, page: Page, number: int) -> None:
        """Take a page's word that it has saved."""
        waiting, done = self._asked.get(number, (set(), None))
        waiting.discard(id(page))
        if done is not None and not waiting and not done.done():
            done.set_result(True)
