"""The websocket between a client and a kernel: without delay, and with a read-only tap for requests."""

import asyncio

from trailmark_capture.jupyter.capture import current
from trailmark_capture.jupyter.nodelay import NoDelayConnection
from trailmark_capture.jupyter.requests import peek

_FRAMED = "v1.kernel.websocket.jupyter.org"
_LIVE_WITHIN = 10.0
_ASK_EVERY = 0.5


class TrailConnection(NoDelayConnection):
    """A websocket whose requests are noted after they were forwarded."""

    async def prepare(self) -> None:
        """Prepare the connection; a first cell can't run before the observer listens."""
        await super().prepare()
        of_page = "Origin" in self.websocket_handler.request.headers
        current().requests.add_session(self.session.session, of_page=of_page)
        await self._wait_for_observer()

    def handle_incoming_message(self, incoming_msg: str) -> None:
        """Forward a message to the kernel, then note what it asks."""
        super().handle_incoming_message(incoming_msg)
        request = peek(incoming_msg, framed=self.subprotocol == _FRAMED)
        if request is not None:
            current().requests.add(request, self.kernel_id)

    async def _wait_for_observer(self) -> None:
        """Wait until the kernel's messages reach the observer, asking for one when none comes."""
        watch = current().watch_of(self.kernel_id)
        if watch is None:
            return
        loop = asyncio.get_running_loop()
        until, ask = loop.time() + _LIVE_WITHIN, loop.time() + _ASK_EVERY
        channel = None
        try:
            while not watch.live.is_set() and loop.time() < until:
                await asyncio.sleep(0.005)
                if loop.time() >= ask:
                    ask += _ASK_EVERY
                    channel = channel or self.kernel_manager.connect_control()
                    self.session.send(channel, "kernel_info_request")
        finally:
            if channel is not None:
                channel.close()
        if not watch.live.is_set():
            self.log.warning("Nothing was heard of kernel %s; its first cell may go unseen", self.kernel_id)
