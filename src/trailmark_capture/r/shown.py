"""What an expression has shown, gathered from its notes: text in its order, figures behind it.

Standard library only, Python 3.8 or later.
"""

import base64
from typing import Any, Dict, Iterable, List, Tuple

from trailmark_capture.text import Kept

Output = Dict[str, Any]
_MOST_PIECES = 200
_EDGE_BYTES = 4096
_COMPLAINT_BYTES = 64 * 1024


class Shown:
    """Output and errors in the order in which they were shown, of which `limit` bytes are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: List[Tuple[str, Kept]] = []
        self._held = 0
        self._complaint = b""

    def add(self, name: str, data: bytes) -> None:
        """Add what was shown on a stream: ``stdout`` or ``stderr``."""
        self._piece(name).write(data)
        if name == "stderr":
            self._complaint = (self._complaint + data)[-_COMPLAINT_BYTES:]
        self._held += len(data)
        if self._held > 2 * self._limit:
            self._fit()

    def leave_out(self, count: int) -> None:
        """Say that so many bytes, shown after what was added last, are not known."""
        kept = self._pieces[-1][1] if self._pieces else self._piece("stdout")
        kept.leave_out(count)

    def complained(self, message: str) -> bool:
        """Return whether a message was shown among the errors."""
        return bool(message) and message.encode("utf-8", "backslashreplace") in self._complaint

    def outputs(self, message: str, figures: Iterable[bytes]) -> List[Output]:
        """Return the outputs of a journal entry, without the message of the error, which has a place of its own."""
        self._fit()
        texts = [kept.output(name, 0) for name, kept in self._pieces]
        for output in reversed(texts):
            if message and output["name"] == "stderr" and message in output["text"]:
                before, _, after = output["text"].rpartition(message)
                output["text"] = before + after
                break
        told = [output for output in texts if output["name"] == "stdout" or output["text"].strip()]
        return numbered(told + pictures(figures))

    def _piece(self, name: str) -> Kept:
        if self._pieces and self._pieces[-1][0] == name:
            return self._pieces[-1][1]
        if len(self._pieces) >= _MOST_PIECES:
            return next(kept for known, kept in reversed(self._pieces) if known == name)
        self._pieces.append((name, Kept(self._limit)))
        return self._pieces[-1][1]

    def _fit(self) -> None:
        pieces = [kept for _, kept in self._pieces]
        for kept in sorted(pieces, key=lambda kept: kept.held, reverse=True):
            excess = sum(piece.held for piece in pieces) - self._limit
            if excess <= 0:
                break
            kept.shrink(max(min(_EDGE_BYTES, self._limit), kept.held - excess))
        self._held = sum(piece.held for piece in pieces)


def pictures(contents: Iterable[bytes]) -> List[Output]:
    """Return outputs of pictures."""
    shown = (base64.b64encode(data).decode("ascii") for data in contents)
    return [{"mime": "image/png", "name": None, "group": 0, "base64": data} for data in shown]


def numbered(outputs: List[Output], first: int = 0) -> List[Output]:
    """Return outputs as displays of their own, in their order."""
    return [dict(output, group=first + number) for number, output in enumerate(outputs)]


def error_of(message: str, traceback: List[str]) -> Output:
    """Return the error of a journal entry; its name and value, joined by a colon, are R's own words."""
    name, _, value = message.strip().partition(": ")
    return {"name": name, "value": value, "traceback": "\n".join([message.strip(), *traceback])}
