import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from trailmark_capture.jupyter.messages import DELIMITER, parse

KEY = b"key"
NOW = 1_700_000_000.0


def frames(date: str | None = None, key: bytes = KEY) -> list[bytes]:
    header = {"msg_type": "stream", "msg_id": "a", **({"date": date} if date else {})}
    parent = {"msg_id": "p", "msg_type": "execute_request", "session": "s"}
    parts = [json.dumps(part).encode() for part in (header, parent, {}, {"name": "stdout", "text": "é"})]
    signature = hmac.new(key, b"".join(parts), hashlib.sha256).hexdigest().encode()
    return [b"kernel.stream", DELIMITER, signature, *parts, b"a buffer"]


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def test_a_message_is_read() -> None:
    message = parse(frames(iso(NOW - 1.5)), KEY, NOW)
    assert message is not None
    assert (message.kind, message.parent, message.parent_kind) == ("stream", "p", "execute_request")
    assert (message.parent_session, message.content) == ("s", {"name": "stdout", "text": "é"})
    assert message.at == pytest.approx(NOW - 1.5)


@pytest.mark.parametrize("date", [None, "yesterday", iso(NOW - 7200), iso(NOW + 3600), "2023-11-14T00:00:00"])
def test_a_clock_that_is_plainly_wrong_is_not_believed(date: str | None) -> None:
    message = parse(frames(date), KEY, NOW)
    assert message is not None
    assert message.at == NOW


def test_a_forged_message_is_refused() -> None:
    assert parse(frames(key=b"another"), KEY, NOW) is None
    assert parse(frames(key=b"another"), b"", NOW) is not None


@pytest.mark.parametrize(
    "damage",
    [[], [b"x"], [DELIMITER], [DELIMITER, b"", b"{}", b"{}", b"{}", b"{}"], [DELIMITER, *[b"["] * 5]],
)
def test_what_is_no_message_is_refused(damage: list[bytes]) -> None:
    assert parse(damage, b"", NOW) is None
