"""Passes requests on to the server behind the gate, and its answers back, as they come.

A websocket is passed on byte for byte once both sides have agreed to it. Each request has a connection of its own
to the server behind.
"""

import asyncio
import contextlib
import html
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import h11

from trailmark_capture.gate.door import Door, Entered, Header, Refused, is_websocket

_CHUNK = 1 << 16
_LARGEST_HEAD = 1 << 17
_CLOSE: Header = (b"connection", b"close")
Back = Callable[[Iterable[Header]], list[Header]]
Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Side:
    """One of the two connections: what h11 understands of it, and its streams."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_LARGEST_HEAD)
        self.reader = reader
        self.writer = writer

    async def receive(self) -> h11.Event | type[h11.PAUSED]:
        """Return what comes next. Raises RemoteProtocolError when it makes no sense."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(_CHUNK))

    async def send(self, event: h11.Event) -> None:
        """Send an event."""
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    def close(self) -> None:
        """End the connection, once what was written is on its way."""
        with contextlib.suppress(OSError):
            self.writer.close()


class Proxy:
    """Serves one session: `open_upstream` connects to the server behind, `name` is what a person calls it."""

    def __init__(self, door: Door, open_upstream: Open, *, name: str, page: str) -> None:
        self._door = door
        self._open = open_upstream
        self._name = name
        self._page = "/" + page.lstrip("/")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes on one connection."""
        side = Side(h11.SERVER, reader, writer)
        try:
            while await self._answer(side):
                side.http.start_next_cycle()
        except (OSError, h11.LocalProtocolError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            pass
        finally:
            side.close()

    async def _answer(self, side: Side) -> bool:
        """Answer one request; return whether another may follow on the connection."""
        try:
            request = await side.receive()
        except h11.RemoteProtocolError as error:
            await _say(side, error.error_status_hint, b"The request makes no sense.\n", [_CLOSE])
            return False
        if not isinstance(request, h11.Request):
            return False
        headers: list[Header] = list(request.headers)
        verdict = self._door.judge(request.method.decode(), request.target.decode("latin-1"), headers)
        if verdict is None:
            return await self._pass_on(side, request)
        status, body, extra = self._own_answer(verdict)
        # A request without a body is over at once; the body of another is not waited for.
        if isinstance(verdict, Refused) or not isinstance(side.http.next_event(), h11.EndOfMessage):
            extra = [*extra, _CLOSE]
        await _say(side, status, body, extra)
        return _is_over(side)

    def _own_answer(self, verdict: Refused | Entered) -> tuple[int, bytes, list[Header]]:
        if isinstance(verdict, Refused):
            return verdict.status, _page(self._name, f"{verdict.why} Open {self._name} from Trailmark, or with "
                              "<code>trailmark launch</code>."), []  # fmt: skip
        extra: list[Header] = []
        if verdict.cookie:
            cookie = f"{self._door.cookie}={verdict.cookie}; HttpOnly; Path=/; SameSite=strict"
            extra = [(b"set-cookie", cookie.encode())]
        if verdict.directly:
            return 303, b"", [*extra, (b"location", self._page.encode())]
        # After a link from elsewhere, a redirect would not carry a strict cookie.
        refresh = f'<meta http-equiv="refresh" content="0;url={html.escape(self._page)}">'
        return 200, _page(self._name, "Opening …", refresh), extra

    async def _pass_on(self, side: Side, request: h11.Request) -> bool:
        try:
            behind = Side(h11.CLIENT, *await self._open())
        except OSError:
            body = _page(self._name, f"{html.escape(self._name)} is starting, or has ended. Try again in a moment.",
                         '<meta http-equiv="refresh" content="2">')  # fmt: skip
            await _say(side, 502, body, [_CLOSE])
            return False
        try:
            return await self._exchange(side, behind, request)
        finally:
            behind.close()

    async def _exchange(self, side: Side, behind: Side, request: h11.Request) -> bool:
        headers = self._door.onward(list(request.headers))
        upgrade = is_websocket(list(request.headers))
        headers += (
            [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
            if upgrade
            else [(b"connection", b"close")]
        )
        await behind.send(h11.Request(method=request.method, target=request.target, headers=headers))
        upload = asyncio.create_task(_upload(side, behind))
        back = partial(self._door.back, asked=list(request.headers))
        answer = asyncio.create_task(_download(side, behind, back))
        try:
            done, _ = await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
            if answer not in done and upload.exception() is None and not upload.result():
                return False
            switched = await answer
        finally:
            await _end(upload, answer)
        if switched:
            await _join(side, behind)
            return False
        return _is_over(side)


def _is_over(side: Side) -> bool:
    """Return whether a request was read and answered whole, so that another may come."""
    return side.http.our_state is h11.DONE and side.http.their_state is h11.DONE


async def _upload(side: Side, behind: Side) -> bool:
    """Pass the body of a request on, then watch the browser; False when it went away before it had its answer.

    Raises what the server behind refuses: it may have answered without having read everything.
    """
    while True:
        try:
            event = await side.receive()
        except (OSError, h11.RemoteProtocolError):
            return False
        if isinstance(event, h11.Data):
            await behind.send(h11.Data(data=event.data))
        elif isinstance(event, h11.EndOfMessage):
            await behind.send(h11.EndOfMessage())
            if side.http.their_state is not h11.DONE:
                return True
            try:
                data = await side.reader.read(_CHUNK)
            except OSError:
                return False
            side.http.receive_data(data)
            return bool(data)
        else:
            return event is h11.PAUSED


async def _download(side: Side, behind: Side, back: Back) -> bool:
    """Pass an answer back; return whether both sides went on to another protocol."""
    while True:
        try:
            event = await behind.receive()
        except h11.RemoteProtocolError:
            if side.http.our_state is h11.SEND_RESPONSE:
                await _say(side, 502, b"The server behind gave no answer that makes sense.\n", [_CLOSE])
            return False
        if isinstance(event, h11.InformationalResponse):
            if event.status_code == 101:
                switching = [*back(event.headers), (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
                await side.send(
                    h11.InformationalResponse(status_code=101, headers=switching, reason=event.reason)
                )
                return True
        elif isinstance(event, h11.Response):
            headers = back(event.headers)
            if side.http.their_state is h11.SEND_BODY:
                headers.append(_CLOSE)
            await side.send(h11.Response(status_code=event.status_code, headers=headers, reason=event.reason))
        elif isinstance(event, h11.Data):
            await side.send(h11.Data(data=event.data))
        elif isinstance(event, h11.EndOfMessage):
            await side.send(h11.EndOfMessage())
            return False
        else:
            return False


async def _join(side: Side, behind: Side) -> None:
    """Pass bytes on in both directions until either side ends."""
    for one, other in ((side, behind), (behind, side)):
        early, _ = one.http.trailing_data
        if early:
            other.writer.write(bytes(early))
    pumps = [asyncio.create_task(_pump(side, behind)), asyncio.create_task(_pump(behind, side))]
    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    await _end(*pumps)


async def _pump(source: Side, target: Side) -> None:
    while data := await source.reader.read(_CHUNK):
        target.writer.write(data)
        await target.writer.drain()


async def _end(*tasks: "asyncio.Task[bool] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _say(side: Side, status: int, body: bytes, extra: list[Header]) -> None:
    """Give an answer of our own."""
    kind = b"text/html; charset=utf-8" if body.startswith(b"<") else b"text/plain; charset=utf-8"
    headers = [
        *extra,
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"content-security-policy",
            b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ]
    await side.send(h11.Response(status_code=status, headers=headers))
    await side.send(h11.Data(data=body))
    await side.send(h11.EndOfMessage())


def _page(name: str, text: str, head: str = "") -> bytes:
    shown = html.escape(name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}<title>{shown}</title>'
        '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
        "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}"
        f"h1{{font-size:1.3rem}}</style><h1>{shown}</h1><p>{text}</p></html>"
    ).encode()
