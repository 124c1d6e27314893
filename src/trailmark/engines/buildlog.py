"""What an engine says while it builds: BuildKit's trace and podman's lines, as text for a person (pure)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trailmark.errors import CommandFailed

_STEP = re.compile(r"(?:\[\d+/\d+\] STEP |STEP |\[stage-\d+ |\[)(\d+)/(\d+)[\]:] (.*)", re.DOTALL)
_LAYER = re.compile(r'/run\.sh"?,? "?([a-z0-9-]+)')
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_KEPT_LINES = 60
FAILED = "The environment could not be built, so nothing was changed."


@dataclass(frozen=True)
class Said:
    """A line of the log; or, with a fraction, a new step."""

    text: str
    fraction: float | None = None


class BuildLog:
    """Reads the answer to a build, line by line; `failed` is what a person is told first when it says failure."""

    def __init__(self, failed: str = FAILED) -> None:
        self._failed = failed
        self._begun: set[bytes] = set()
        self._open: dict[bytes, str] = {}
        self._last: list[str] = []
        self._fraction = 0.0

    def read(self, line: bytes) -> Iterator[Said]:
        """Yield what a line of the answer says. Raises CommandFailed, with the last lines, when it says failure."""
        try:
            answer = json.loads(line)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        if isinstance(answer.get("stream"), str):
            yield from self._text(b"", answer["stream"])
        elif answer.get("id") == "moby.buildkit.trace" and isinstance(answer.get("aux"), str):
            yield from self._trace(base64.b64decode(answer["aux"]))
        if "error" in answer:
            self._fail(str(answer["error"]))

    def _fail(self, error: str) -> None:
        said = "\n".join([*self._last, *filter(None, self._open.values()), _plain(error)])
        raise CommandFailed(
            f"{self._failed} The last of the log:\n{said}",
            output=said,
        )

    def _trace(self, data: bytes) -> Iterator[Said]:
        """Read a message of BuildKit (StatusResponse: vertexes are 1, logs are 3)."""
        for number, value in _fields(data):
            if number == 1 and isinstance(value, bytes):
                vertex = dict(_fields(value))
                name = _string(vertex.get(3))
                if 5 in vertex and _bytes(vertex, 1) not in self._begun:
                    self._begun.add(_bytes(vertex, 1))
                    yield from self._step(name + (" (kept from before)" if vertex.get(4) else ""))
            elif number == 3 and isinstance(value, bytes):
                log = dict(_fields(value))
                yield from self._text(_bytes(log, 1), _string(log.get(4)))

    def _text(self, source: bytes, text: str) -> Iterator[Said]:
        *whole, self._open[source] = (self._open.get(source, "") + text.replace("\r\n", "\n")).split("\n")
        for line in whole:
            plain = _plain(line.rsplit("\r", 1)[-1]).rstrip()
            if plain:
                yield from self._step(plain)

    def _step(self, text: str) -> Iterator[Said]:
        self._last = [*self._last, text][-_KEPT_LINES:]
        yield Said(text)
        found = _STEP.match(text)
        if not found:
            return
        fraction = (int(found.group(1)) - 1) / max(1, int(found.group(2)))
        layer = _LAYER.search(found.group(3))
        if layer or fraction > self._fraction:
            self._fraction = max(fraction, self._fraction)
            yield Said(f"Building: {layer.group(1)}" if layer else "Building", self._fraction)


def _plain(text: str) -> str:
    return _ESCAPES.sub("", text)


def _string(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _bytes(fields: dict[int, bytes | int], number: int) -> bytes:
    value = fields.get(number)
    return value if isinstance(value, bytes) else b""


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield number and value of each field of a protocol buffer; what is cut off or unknown ends it."""
    place = 0
    while place < len(data):
        key, place = _number(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _number(data, place)
            yield key >> 3, value
        elif kind == 2:
            length, place = _number(data, place)
            yield key >> 3, data[place : place + length]
            place += length
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            return


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data):
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            break
    return value, place
