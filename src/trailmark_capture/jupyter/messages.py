"""A message of the Jupyter protocol, as far as capture needs it (pure)."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

DELIMITER = b"<IDS|MSG>"
_CLOCKS_DIFFER = 900.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message that a kernel published.

    `at` is when the kernel sent it, in seconds since the epoch; `process` differs after each restart.
    """

    kind: str
    at: float
    content: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    parent_kind: str = ""
    parent_session: str = ""
    process: str = ""


def parse(frames: Sequence[bytes], key: bytes, received: float) -> Message | None:
    """Return the message in some frames, or None when it is malformed or not signed with the kernel's key."""
    try:
        start = list(frames).index(DELIMITER)
        signature, *parts = frames[start + 1 : start + 6]
        if key and not _is_signed(key, signature, parts):
            return None
        header, parent, _, content = (json.loads(part) for part in parts)
        return Message(
            kind=header["msg_type"],
            at=_sent(header.get("date"), received),
            content=content,
            parent=parent.get("msg_id", ""),
            parent_kind=parent.get("msg_type", ""),
            parent_session=parent.get("session", ""),
            process=header.get("session", ""),
        )
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def _is_signed(key: bytes, signature: bytes, parts: Sequence[bytes]) -> bool:
    expected = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        expected.update(part)
    return hmac.compare_digest(expected.hexdigest().encode(), signature)


def _sent(date: object, received: float) -> float:
    """Return a header's date in seconds; the time of receipt when a kernel's clock or zone is wrong."""
    if not isinstance(date, str):
        return received
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return received
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    sent = moment.timestamp()
    return sent if received - _CLOCKS_DIFFER < sent <= received else received
