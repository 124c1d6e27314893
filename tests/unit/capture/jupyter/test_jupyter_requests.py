import json
import struct
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark_capture.jupyter.requests import Request, Requests, peek


def parts(kind: str = "execute_request", **content: Any) -> tuple[dict[str, Any], ...]:
    header = {"msg_id": "m", "msg_type": kind, "session": "s"}
    return header, {}, {"cellId": "c"}, {"code": "1+1", **content}


def framed(*pieces: dict[str, Any], channel: bytes = b"shell") -> bytes:
    blobs = [channel, *(json.dumps(piece).encode() for piece in pieces), b"buffer"]
    offsets = [8 * (len(blobs) + 2)]
    for blob in blobs:
        offsets.append(offsets[-1] + len(blob))
    return b"".join([*(number.to_bytes(8, "little") for number in (len(offsets), *offsets)), *blobs])


def plain(*pieces: dict[str, Any]) -> str:
    names = ("header", "parent_header", "metadata", "content")
    return json.dumps({**dict(zip(names, pieces, strict=True)), "channel": "shell", "buffers": []})


def binary(*pieces: dict[str, Any]) -> bytes:
    body = plain(*pieces).encode()
    offsets = [12, 12 + len(body)]
    return struct.pack("!III", 2, *offsets) + body + b"buffer"


EXECUTE = Request(id="m", session="s", code="1+1", cell="c")


def test_an_execution_is_seen_in_each_protocol() -> None:
    assert peek(framed(*parts()), framed=True) == EXECUTE
    assert peek(plain(*parts()), framed=False) == EXECUTE
    assert peek(binary(*parts()), framed=False) == EXECUTE


def test_a_comm_message_is_seen_with_its_comm() -> None:
    found = peek(framed(*parts("comm_msg", comm_id="w")), framed=True)
    assert found is not None
    assert found.comm == "w"


@pytest.mark.parametrize("content", [{"silent": True}, {"store_history": False}])
def test_who_wants_no_history_wants_no_record(content: dict[str, Any]) -> None:
    found = peek(plain(*parts(**content)), framed=False)
    assert found is not None
    assert not found.recorded


def test_other_messages_are_of_no_interest() -> None:
    assert peek(framed(*parts("complete_request")), framed=True) is None
    assert peek(framed(*parts(), channel=b"control"), framed=True) is None
    assert peek(plain(*parts("kernel_info_request", note="execute_request")), framed=False) is None


@given(st.binary(max_size=200), st.text(max_size=200))
def test_damage_never_raises(blob: bytes, words: str) -> None:
    assert peek(blob, framed=True) is None
    assert peek(blob, framed=False) is None
    assert peek(words, framed=False) is None
    peek(framed(*parts())[: len(blob)], framed=True)


def test_a_request_that_was_forwarded_is_waited_for() -> None:
    requests = Requests()
    requests.add_session("s", of_page=True)
    threading.Timer(0.05, requests.add, [EXECUTE]).start()
    assert requests.find("m", "s", wait=5) == EXECUTE
    assert requests.find("m", "unknown", wait=5) == EXECUTE
    assert requests.find("n", "unknown", wait=5) is None


def test_only_pages_are_pages() -> None:
    requests = Requests()
    requests.add_session("page", of_page=True)
    requests.add_session("program", of_page=False)
    assert [requests.is_of_page(name) for name in ("page", "program", "unknown")] == [True, False, False]
