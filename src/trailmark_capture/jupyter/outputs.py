"""What an action has shown, kept as a notebook's output area would keep it.

A stream's repeated lines (as progress bars write them) and cleared frames collapse to the last one with a count.
Beyond `limit` bytes in all, the largest outputs keep their head, tail, size and SHA-256; when there are very
many, those in the middle are left out and counted.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from trailmark_capture.text import Kept, strip_ansi

EDGES = 64 * 1024
_OVERHEAD = 256
_BINARY = ("image/", "audio/", "video/", "application/pdf", "application/octet-stream")
_TEXTUAL = ("image/svg+xml",)

Entries = list[dict[str, Any]]


class Stream:
    """Consecutive text on stdout or stderr."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self._kept = Kept(limit)

    @property
    def held(self) -> int:
        """The number of bytes in memory."""
        return self._kept.held + _OVERHEAD

    @property
    def is_cut(self) -> bool:
        """Whether only head and tail are kept."""
        return self._kept.is_cut

    def append(self, text: str) -> None:
        """Add text."""
        self._kept.write(text)

    def cut(self) -> None:
        """Keep head and tail only, from now on."""
        self._kept.shrink(EDGES)

    def render(self, group: int) -> tuple[Entries, dict[str, Any]]:
        """Return the journal's outputs and the notebook's output."""
        entry = self._kept.output(self.name, group)
        return [entry], {"output_type": "stream", "name": self.name, "text": entry["text"]}


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
    def held(self) -> int:
        """The number of characters in memory."""
        return _OVERHEAD + sum(len(_as_text(value)) for value in self.data.values())

    def update(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show something else in the same place."""
        self.data, self.metadata, self.is_cut, self.facts = dict(data), metadata, False, {}
        self.frames += 1

    def cut(self) -> None:
        """Keep head and tail of text, and nothing but size and hash of what is binary."""
        self.is_cut = True
        for mime, value in self.data.items():
            text = _as_text(value)
            if len(text) <= EDGES:
                continue
            raw = _decoded(mime, text)
            if raw is None:
                kept = Kept(EDGES, terminal=False)
                kept.write(text)
                self.data[mime], self.facts[mime] = kept.text(), _facts(kept.size, kept.sha256())
            else:
                self.data[mime], self.facts[mime] = "", _facts(len(raw), hashlib.sha256(raw).hexdigest())

    def render(self, group: int) -> tuple[Entries, dict[str, Any]]:
        """Return the journal's outputs, one a MIME type, and the notebook's output."""
        output: dict[str, Any] = {"output_type": self.kind, "data": self.data, "metadata": self.metadata}
        if self.kind == "execute_result":
            output["execution_count"] = self.count
        return [self._entry(mime, value, group) for mime, value in self.data.items()], output

    def _entry(self, mime: str, value: object, group: int) -> dict[str, Any]:
        entry: dict[str, Any] = {"mime": mime, "name": None, "group": group}
        text = _as_text(value)
        if _decoded(mime, text) is None:
            entry["text"] = text
        else:
            entry["base64"] = "".join(text.split())
        if mime in self.facts:
            entry["truncated"] = self.facts[mime]
        if self.frames > 1:
            entry["frames"] = self.frames
        return entry


@dataclass(frozen=True)
class Failure:
    """An exception that was shown, usually the one that ended the action."""

    name: str
    value: str
    traceback: tuple[str, ...]

    is_cut = True

    @property
    def held(self) -> int:
        """The number of characters in memory."""
        return _OVERHEAD + sum(map(len, self.traceback))

    def cut(self) -> None:
        """Do nothing: a traceback is never large."""

    def plain(self) -> dict[str, str]:
        """Return the error as a journal entry has it, without colours."""
        traceback = strip_ansi("\n".join(self.traceback))
        return {"name": self.name, "value": strip_ansi(self.value), "traceback": traceback}

    def render(self, group: int) -> tuple[Entries, dict[str, Any]]:
        """Return no output for the journal, which has a field for errors, and the notebook's output."""
        return [], {
            "output_type": "error",
            "ename": self.name,
            "evalue": self.value,
            "traceback": list(self.traceback),
        }


class Omitted:
    """Stands for outputs that are not kept at all."""

    is_cut = True
    held = 0

    def __init__(self) -> None:
        self._count = 0
        self._size = 0
        self._hash = hashlib.sha256()

    def take(self, item: "Item") -> None:
        """Count an output, and hash what was held of it."""
        if item is self:
            return
        for entry in item.render(0)[0]:
            content = (entry.get("text") or entry.get("base64") or "").encode("utf-8", "surrogatepass")
            self._hash.update(content)
            self._size += entry["truncated"]["bytes"] if "truncated" in entry else len(content)
        self._count += 1

    def cut(self) -> None:
        """Do nothing: there is nothing to cut."""

    def render(self, group: int) -> tuple[Entries, dict[str, Any]]:
        """Return a line that says how much is missing."""
        text = f"[… {self._count:,} outputs, {self._size:,} bytes in all, are not kept …]\n"
        entry = {"mime": "text/plain", "name": "stdout", "group": group, "text": text}
        entry["truncated"] = _facts(self._size, self._hash.hexdigest())
        return [entry], {"output_type": "stream", "name": "stdout", "text": text}


Item = Stream | Display | Failure | Omitted


class Outputs:
    """The outputs of one action, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Item] = []
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
            self._add_text(str(content.get("name", "stdout")), str(content.get("text", "")))
        elif kind == "error":
            traceback = tuple(str(line) for line in content.get("traceback") or ())
            self._items.append(Failure(str(content.get("ename")), str(content.get("evalue")), traceback))
        else:
            self._add_display(kind, content)
        if self._held > self._limit:
            self._shrink()

    def _add_text(self, name: str, text: str) -> None:
        last = self._items[-1] if self._items else None
        if not isinstance(last, Stream) or last.name != name:
            last = Stream(name, self._limit)
            self._items.append(last)
            self._held += last.held
        self._held -= last.held
        last.append(text)
        self._held += last.held

    def _add_display(self, kind: str, content: dict[str, Any]) -> None:
        data, metadata = dict(content.get("data") or {}), content.get("metadata") or {}
        shown = Display(kind, data, metadata, display_id_of(content), content.get("execution_count"))
        self._items.append(shown)
        self._held += shown.held

    def update(self, display_id: str, content: dict[str, Any]) -> bool:
        """Replace what is shown under a display id; False when nothing is."""
        found = [item for item in self._items if isinstance(item, Display) and item.display_id == display_id]
        for item in found:
            self._held -= item.held
            item.update(content.get("data") or {}, content.get("metadata") or {})
            self._held += item.held
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
        """Give up a tenth more than is needed, so that it is not done at every output."""
        wanted = self._limit * 9 // 10
        whole = [item for item in self._items if not item.is_cut and item.held > EDGES + _OVERHEAD]
        for item in sorted(whole, key=lambda item: item.held, reverse=True):
            if self._held <= wanted:
                return
            self._held -= item.held
            item.cut()
            self._held += item.held
        if self._held > self._limit:
            self._omit(wanted)

    def _omit(self, wanted: int) -> None:
        """Leave out the oldest outputs behind a first part that stays."""
        place = self._place_of_omitted()
        if place >= len(self._items) - 1:
            return
        item = self._items[place]
        omitted = item if isinstance(item, Omitted) else Omitted()
        last = place
        while self._held > wanted and last < len(self._items) - 1:
            omitted.take(self._items[last])
            self._held -= self._items[last].held
            last += 1
        self._items[place:last] = [omitted]

    def _place_of_omitted(self) -> int:
        kept = 0
        for place, item in enumerate(self._items):
            if isinstance(item, Omitted) or kept >= self._limit // 4:
                return place
            kept += item.held
        return len(self._items)

    def failure(self) -> Failure | None:
        """Return the last exception shown."""
        failures = [item for item in self._items if isinstance(item, Failure)]
        return failures[-1] if failures else None

    def render(self) -> tuple[Entries, Entries]:
        """Return the outputs as a journal entry has them, and as a notebook's cell has them."""
        journal: Entries = []
        notebook: Entries = []
        for item in self._items:
            group = 1 + journal[-1]["group"] if journal else 0
            entries, output = item.render(group)
            journal += entries
            notebook.append(output)
        if journal and self._frames:
            journal[0]["frames"] = journal[0].get("frames", 1) + self._frames
        return journal, notebook


def display_id_of(content: dict[str, Any]) -> str | None:
    """Return the display id that a message carries."""
    found = (content.get("transient") or {}).get("display_id")
    return found if isinstance(found, str) else None


def _is_binary(mime: str) -> bool:
    return mime.startswith(_BINARY) and mime not in _TEXTUAL


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False)


def _decoded(mime: str, text: str) -> bytes | None:
    if not _is_binary(mime):
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _facts(size: int, sha256: str) -> dict[str, Any]:
    return {"bytes": size, "sha256": sha256}
