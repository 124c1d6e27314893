"""What an action has shown, kept as a notebook's output area would keep it.

A stream's repeated lines (carriage returns, as progress bars write them) and cleared frames collapse to the
last one with a count. Beyond `limit` characters in all, the largest outputs keep their head, tail, size and
SHA-256.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trailmark_capture.jupyter.seams import overwrite, strip_ansi

EDGE = 32 * 1024
MARGIN = 4 * 1024
_BINARY = ("image/", "audio/", "video/", "application/pdf", "application/octet-stream")
_TEXTUAL = ("image/svg+xml",)

Redact = Callable[[str], str]


class Cut:
    """The head, tail, size and hash of text that is too large to keep whole."""

    def __init__(self, text: str) -> None:
        self._head = text[: EDGE + MARGIN]
        self._tail = ""
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.append(text)

    def append(self, text: str) -> None:
        """Add text to what is hashed, and keep its end."""
        encoded = text.encode("utf-8", "surrogatepass")
        self._hash.update(encoded)
        self.bytes += len(encoded)
        self._tail = (self._tail + text[-(EDGE + MARGIN) :])[-(EDGE + MARGIN) :]

    def __len__(self) -> int:
        return len(self._head) + len(self._tail)

    def facts(self) -> dict[str, Any]:
        """Return the size and hash of the whole."""
        return {"bytes": self.bytes, "sha256": self._hash.hexdigest()}

    def text(self, redact: Redact) -> str:
        """Return head and tail with a line between them that says what is missing."""
        # A secret that the cut splits would not be recognised: the margin next to the cut is given up.
        head, tail = redact(self._head)[:-MARGIN], redact(self._tail)[MARGIN:]
        return f"{head}\n[… {self.bytes:,} bytes in all, the middle is not kept …]\n{tail}"


class Stream:
    """Consecutive text on stdout or stderr."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames = 1
        self._parts: list[str] = []
        self._cut: Cut | None = None
        self.size = 0

    def append(self, text: str) -> None:
        """Add text; a carriage return overwrites the line that is open."""
        if self._cut is not None:
            self._cut.append(text)
            return
        if "\r" in text or (self._parts and self._parts[-1].endswith("\r")):
            text, repeated = overwrite(self._take_open_line() + text)
            self.frames += repeated
        self._parts.append(text)
        self.size += len(text)

    def _take_open_line(self) -> str:
        taken: list[str] = []
        while self._parts:
            before, newline, after = self._parts.pop().rpartition("\n")
            taken.append(after)
            if newline:
                self._parts.append(before + newline)
                break
        line = "".join(reversed(taken))
        self.size -= len(line)
        return line

    def cut(self) -> None:
        """Keep head and tail only, from now on."""
        self._cut = Cut("".join(self._parts))
        self._parts = []
        self.size = len(self._cut)

    @property
    def is_cut(self) -> bool:
        """Whether only head and tail are kept."""
        return self._cut is not None

    def text(self, redact: Redact) -> str:
        """Return what is kept."""
        return self._cut.text(redact) if self._cut else redact("".join(self._parts).replace("\r", ""))

    def journal(self, group: int, redact: Redact) -> list[dict[str, Any]]:
        """Return the outputs entry of a journal."""
        entry: dict[str, Any] = {"mime": "text/plain", "name": self.name, "group": group}
        entry["text"] = self.text(redact)
        if self._cut:
            entry["truncated"] = self._cut.facts()
        if self.frames > 1:
            entry["frames"] = self.frames
        return [entry]

    def notebook(self, redact: Redact) -> dict[str, Any]:
        """Return the output as nbformat has it."""
        return {"output_type": "stream", "name": self.name, "text": self.text(redact)}


@dataclass
class Display:
    """Something shown in one or several MIME types."""

    kind: str
    data: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    display_id: str | None = None
    count: int | None = None
    frames: int = 1
    is_cut: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of characters held."""
        return sum(len(value) if isinstance(value, str) else 64 for value in self.data.values())

    def update(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show something else in the same place."""
        self.data, self.metadata, self.is_cut, self.facts = dict(data), metadata, False, {}
        self.frames += 1

    def cut(self) -> None:
        """Keep head and tail of text, and nothing but size and hash of what is binary."""
        self.is_cut = True
        for mime, value in self.data.items():
            text = _as_text(value)
            if len(text) <= 2 * (EDGE + MARGIN):
                continue
            raw = _decoded(mime, text)
            if raw is None:
                cut = Cut(text)
                self.data[mime], self.facts[mime] = cut, cut.facts()
            else:
                self.facts[mime] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
                self.data[mime] = ""

    def journal(self, group: int, redact: Redact) -> list[dict[str, Any]]:
        """Return one outputs entry a MIME type, all of one group."""
        entries = []
        for mime, value in self.data.items():
            entry: dict[str, Any] = {"mime": mime, "name": None, "group": group}
            if _is_binary(mime) and _decoded(mime, _as_text(value)) is not None:
                entry["base64"] = "".join(_as_text(value).split())
            else:
                entry["text"] = _shown(value, redact)
            if mime in self.facts:
                entry["truncated"] = self.facts[mime]
            if self.frames > 1:
                entry["frames"] = self.frames
            entries.append(entry)
        return entries

    def notebook(self, redact: Redact) -> dict[str, Any]:
        """Return the output as nbformat has it."""
        data = {
            mime: value if _is_binary(mime) else _redacted(value, redact) for mime, value in self.data.items()
        }
        output: dict[str, Any] = {"output_type": self.kind, "data": data, "metadata": self.metadata}
        if self.kind == "execute_result":
            output["execution_count"] = self.count
        return output


@dataclass(frozen=True)
class Failure:
    """An exception that ended the action, or that was shown."""

    name: str
    value: str
    traceback: list[str]
    size: int = 0
    is_cut: bool = True

    def cut(self) -> None:
        """Do nothing: a traceback is never large."""

    def journal(self, group: int, redact: Redact) -> list[dict[str, Any]]:
        """Return nothing: an entry has its error in a field of its own."""
        return []

    def facts(self, redact: Redact) -> dict[str, str]:
        """Return the error as a journal entry has it, without colours."""
        plain = strip_ansi("\n".join(self.traceback))
        return {"name": self.name, "value": redact(strip_ansi(self.value)), "traceback": redact(plain)}

    def notebook(self, redact: Redact) -> dict[str, Any]:
        """Return the output as nbformat has it."""
        traceback = [redact(line) for line in self.traceback]
        return {
            "output_type": "error",
            "ename": self.name,
            "evalue": redact(self.value),
            "traceback": traceback,
        }


class Outputs:
    """The outputs of one action, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Stream | Display | Failure] = []
        self._held = 0
        self._frames = 0
        self._clear_next = False

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Add what a `stream`, `display_data`, `execute_result` or `error` message brought."""
        if self._clear_next:
            self._clear()
        if kind == "stream":
            self._add_text(content.get("name", "stdout"), content.get("text", ""))
        elif kind == "error":
            traceback = [str(line) for line in content.get("traceback") or []]
            self._items.append(Failure(str(content.get("ename")), str(content.get("evalue")), traceback))
        else:
            self._add_display(kind, content)
        if self._held > self._limit:
            self._shrink()

    def _add_text(self, name: str, text: str) -> None:
        last = self._items[-1] if self._items else None
        if not isinstance(last, Stream) or last.name != name:
            last = Stream(name)
            self._items.append(last)
        self._held -= last.size
        last.append(text)
        self._held += last.size

    def _add_display(self, kind: str, content: dict[str, Any]) -> None:
        shown = Display(
            kind,
            dict(content.get("data") or {}),
            content.get("metadata") or {},
            display_id_of(content),
            content.get("execution_count"),
        )
        self._items.append(shown)
        self._held += shown.size

    def update(self, display_id: str, content: dict[str, Any]) -> bool:
        """Replace what is shown under a display id; False when nothing is."""
        found = [item for item in self._items if isinstance(item, Display) and item.display_id == display_id]
        for item in found:
            self._held -= item.size
            item.update(content.get("data") or {}, content.get("metadata") or {})
            self._held += item.size
        if self._held > self._limit:
            self._shrink()
        return bool(found)

    def clear(self, *, wait: bool) -> None:
        """Forget what is shown: now, or when something else comes."""
        if wait:
            self._clear_next = True
        else:
            self._clear()

    def _clear(self) -> None:
        self._clear_next = False
        if self._items:
            self._frames += 1
        self._items, self._held = [], 0

    def _shrink(self) -> None:
        while self._held > self._limit:
            whole = [item for item in self._items if not item.is_cut]
            if not whole:
                return
            largest = max(whole, key=lambda item: item.size)
            largest.cut()
            self._held = sum(item.size for item in self._items)

    def failure(self) -> Failure | None:
        """Return the last exception shown."""
        failures = [item for item in self._items if isinstance(item, Failure)]
        return failures[-1] if failures else None

    def journal(self, redact: Redact) -> list[dict[str, Any]]:
        """Return the outputs of a journal entry."""
        shown = [item for item in self._items if not isinstance(item, Failure)]
        entries = [entry for group, item in enumerate(shown) for entry in item.journal(group, redact)]
        if entries and self._frames:
            entries[0]["frames"] = entries[0].get("frames", 1) + self._frames
        return entries

    def notebook(self, redact: Redact) -> list[dict[str, Any]]:
        """Return the outputs of a notebook's cell."""
        return [item.notebook(redact) for item in self._items]


def display_id_of(content: dict[str, Any]) -> str | None:
    """Return the display id that a message carries."""
    found = (content.get("transient") or {}).get("display_id")
    return found if isinstance(found, str) else None


def _is_binary(mime: str) -> bool:
    return mime.startswith(_BINARY) and mime not in _TEXTUAL


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return "" if isinstance(value, Cut) else json.dumps(value, ensure_ascii=False)


def _decoded(mime: str, text: str) -> bytes | None:
    if not _is_binary(mime):
        return None
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


def _shown(value: object, redact: Redact) -> str:
    return value.text(redact) if isinstance(value, Cut) else redact(_as_text(value))


def _redacted(value: object, redact: Redact) -> object:
    if isinstance(value, (str, Cut)):
        return _shown(value, redact)
    return json.loads(redact(json.dumps(value)))
