"""What passes a gate: requests and answers as they are, in pieces as they come, and websockets byte for byte."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from trailmark_capture.gate.door import Door
from trailmark_capture.gate.proxy import Proxy

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TOKEN = b"Authorization: token t\r\n"
PATIENCE = 10.0


class Gate:
    """A gate with a server behind it, both in this process."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def send(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data.replace(b"HOST", f"127.0.0.1:{self.port}".encode()))
        await writer.drain()
        return reader, writer

    async def ask(self, data: bytes) -> bytes:
        """Send something, and return all that comes until the gate closes the connection."""
        reader, writer = await self.send(data)
        found = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        return found


@asynccontextmanager
async def gate(handler: Handler) -> AsyncIterator[Gate]:
    behind = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = behind.sockets[0].getsockname()[1]
    door = Door(0, "t")
    proxy = Proxy(door, lambda: asyncio.open_connection("127.0.0.1", port), name="My <app>", page="page")
    front = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    door.port = front.sockets[0].getsockname()[1]
    try:
        yield Gate(door.port)
    finally:
        front.close()
        behind.close()


def answering(answer: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return handle


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with the head of the request."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head))
    await writer.drain()
    writer.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_request_goes_on_without_what_opened_the_gate():
    async def story() -> None:
        async with gate(echoing) as front:
            said = await front.ask(
                b"GET /a?b=c HTTP/1.1\r\nHost: HOST\r\nCookie: trailmark-8700=s; own=1\r\nX-Own: yes\r\n"
                + TOKEN + b"Connection: close\r\n\r\n"
            )  # fmt: skip
            assert said.startswith(b"HTTP/1.1 200")
            assert b"GET /a?b=c HTTP/1.1" in said
            assert b"x-own: yes" in said.lower()
            assert b"own=1" in said
            assert b"token t" not in said
            assert b"8700" not in said

    run(story)


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"GET /.trailmark/enter?key=no HTTP/1.1"]
)
def test_a_stranger_learns_nothing(request_line):
    async def story() -> None:
        reached = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.set()

        async with gate(handle) as front:
            said = await front.ask(request_line + b"\r\nHost: HOST\r\nConnection: close\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 403")
            assert b"My &lt;app&gt;" in said
            assert b"default-src 'none'" in said
            assert not reached.is_set()

    run(story)


def test_several_requests_share_a_connection():
    async def story() -> None:
        async with gate(echoing) as front:
            one = b"GET /one HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + b"\r\n"
            last = b"GET /two HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n" + TOKEN + b"\r\n"
            said = await front.ask(one + last)
            assert [said.count(word) for word in (b"GET /one", b"GET /two")] == [1, 1]
            refused = await front.ask(one + b"GET /no HTTP/1.1\r\nHost: HOST\r\n\r\n" + last)
            assert [refused.count(word) for word in (b"GET /one", b" 403 ", b"GET /two")] == [1, 1, 0]

    run(story)


def test_an_answer_without_a_length_ends_where_the_server_ends():
    async def story() -> None:
        async with gate(answering(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")) as front:
            said = await front.ask(b"GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n" + TOKEN + b"\r\n")
            assert b"all of it" in said
            assert said.endswith(b"0\r\n\r\n")

    run(story)


def test_events_come_as_they_are_sent_and_the_server_hears_that_nobody_listens():
    async def story() -> None:
        left = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            await writer.drain()
            await reader.read()
            left.set()

        async with gate(handle) as front:
            reader, writer = await front.send(b"GET / HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + b"\r\n")
            await asyncio.wait_for(reader.readuntil(b"data: 1"), PATIENCE)
            writer.close()
            await asyncio.wait_for(left.wait(), PATIENCE)

    run(story)


def test_a_large_upload_is_passed_on_in_pieces():
    body = bytes(range(256)) * 40_000

    async def story() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            found = await reader.readexactly(len(body))
            digest = hashlib.sha256(found).hexdigest().encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest)
            await writer.drain()

        async with gate(handle) as front:
            head = b"PUT /f HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
            said = await front.ask(head + TOKEN + b"Expect: 100-continue\r\n\r\n" + body)
            assert hashlib.sha256(body).hexdigest().encode() in said

    run(story)


@pytest.mark.parametrize("way", ["length", "chunks"])
def test_an_upload_that_is_given_up_is_given_up_behind_too(way):
    async def story() -> None:
        left = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Read all of a request before it is answered, as most servers do."""
            await reader.read()
            left.set()
            writer.close()

        framing = b"Content-Length: 1000000" if way == "length" else b"Transfer-Encoding: chunked"
        body = b"x" * 1000 if way == "length" else b"3\r\nabc\r\n"
        async with gate(handle) as front:
            _, writer = await front.send(
                b"POST /up HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + framing + b"\r\n\r\n" + body
            )
            await asyncio.sleep(0.1)
            writer.close()
            await asyncio.wait_for(left.wait(), PATIENCE)

    run(story)


def test_an_answer_that_comes_before_the_whole_upload_was_read_is_passed_back():
    async def story() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        async with gate(handle) as front:
            said = await front.ask(
                b"POST /up HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + b"Content-Length: 1000\r\n\r\nxx"
            )
            assert said.startswith(b"HTTP/1.1 413")

    run(story)


def test_a_websocket_is_passed_on_byte_for_byte():
    frames = bytes(range(256)) * 50

    async def story() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"sec-websocket-protocol: terminal" in head.lower()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: abc\r\n\r\nearly"
            )
            await writer.drain()
            writer.write(await reader.readexactly(len(frames)))
            await writer.drain()
            await reader.read()
            writer.close()

        async with gate(handle) as front:
            reader, writer = await front.send(
                b"GET /ws HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                b"Sec-WebSocket-Protocol: terminal\r\nOrigin: http://HOST\r\n" + TOKEN + b"\r\n"
            )  # fmt: skip
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            assert head.startswith(b"HTTP/1.1 101")
            assert b"sec-websocket-accept: abc" in head.lower()
            assert await reader.readexactly(5) == b"early"
            writer.write(frames)
            assert await asyncio.wait_for(reader.readexactly(len(frames)), PATIENCE) == frames
            writer.close()

    run(story)


def test_a_websocket_from_another_page_does_not_get_through():
    async def story() -> None:
        async with gate(echoing) as front:
            for origin in (b"http://evil.example", b"http://127.0.0.1:1"):
                said = await front.ask(
                    b"GET /ws HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Origin: " + origin + b"\r\n" + TOKEN + b"\r\n"
                )  # fmt: skip
                assert said.startswith(b"HTTP/1.1 403")

    run(story)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"nonsense\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"\0\0\0\r\n\r\n",
    ],
)
def test_what_makes_no_sense_is_refused(nonsense):
    async def story() -> None:
        async with gate(echoing) as front:
            assert (await front.ask(nonsense)).startswith(b"HTTP/1.1 400")

    run(story)


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n"])
def test_a_server_that_gives_no_answer_is_told_of(answer):
    async def story() -> None:
        async with gate(answering(answer)) as front:
            said = await front.ask(b"GET / HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + b"\r\n")
            assert said.startswith(b"HTTP/1.1 502")

    run(story)


def test_before_the_server_listens_the_page_tries_again_by_itself():
    async def story() -> None:
        async def refuse() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            raise ConnectionRefusedError

        door = Door(0, "t")
        front = await asyncio.start_server(Proxy(door, refuse, name="App", page="").serve, "127.0.0.1", 0)
        door.port = front.sockets[0].getsockname()[1]
        said = await Gate(door.port).ask(b"GET / HTTP/1.1\r\nHost: HOST\r\n" + TOKEN + b"\r\n")
        assert said.startswith(b"HTTP/1.1 502")
        assert b'http-equiv="refresh"' in said
        front.close()

    run(story)
