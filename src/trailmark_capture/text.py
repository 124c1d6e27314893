"""What a terminal would show of a stream: progress bars in their last state, and only as much as is kept.

``collapse``    carriage returns, backspaces and cursor movements carried out, colours left in place
``strip_ansi``  no escape sequences at all
``Kept``        the head, the tail, the size and the SHA-256 of a stream that may be larger than its limit

Standard library only, Python 3.8 or later.
"""

import hashlib
import re
from typing import Any, Dict, List, Optional, Tuple, Union

_ESCAPE = r"""
    \x1b\[[0-?]*[ -/]*[@-~]                     # CSI: colours, cursor movements, erasing
  | \x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?  # OSC, DCS: titles, links, marks
  | \x1b[ -/]*[0-~]                             # the rest: two characters
  | \x1b
"""
_ESCAPES = re.compile(_ESCAPE, re.VERBOSE)
_MOVE = re.compile(r"\r(?!\r*\n)|\x08|\x1b\[[0-9;]*[A-GJK]")
_TOKENS = re.compile(r"\r*\n|\r|\x08+|[^\x1b\r\n\x08]+|" + _ESCAPE, re.VERBOSE)
_NEWLINE = re.compile(r"\r+\n")
_PARTIAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]{0,2000})?$")
_REACH = 100
_WIDTH = 8192
_QUIET = 64 * 1024
_PADDING = 1024 * 1024


def strip_ansi(text: str) -> str:
    """Return text without escape sequences."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def collapse(text: str) -> str:
    """Return text as a terminal shows it in the end; of escape sequences only colours are left."""
    return collapse_counted(text)[0]


def collapse_counted(text: str) -> Tuple[str, int]:
    """Return what `collapse` does, and how many times a line was begun anew."""
    shown, frames, _ = _carry_out(text)
    return shown, frames


def _carry_out(text: str) -> Tuple[str, int, str]:
    """Return what is shown, how often a line was begun anew, and what brings the cursor back to its place.

    Only the stretches in which the cursor moves go through a screen: it is slow.
    """
    parts, frames, position = [], 0, 0
    while True:
        first = _MOVE.search(text, position)
        if first is None:
            parts.append(_plain(text[position:]))
            return "".join(parts), frames, ""
        start = max(position, _start_of_reach(text, first.start()))
        parts.append(_plain(text[position:start]))
        screen = _Screen()
        position = _feed_stretch(screen, text, start, first)
        frames += screen.frames
        if position == len(text):
            return "".join([*parts, screen.render()]), frames, screen.resume()
        parts.append(screen.render() + screen.style)


def _feed_stretch(screen: "_Screen", text: str, start: int, move: "re.Match[str]") -> int:
    """Carry out a move and those that follow closely; return the beginning of the line behind them."""
    last = move.end()
    for following in _MOVE.finditer(text, last):
        if following.start() - last > _QUIET:
            break
        last = following.end()
    stop = _next_line(text, last)
    screen.feed(text[start:stop])
    while stop < len(text) and not screen.is_on_new_line():
        start, stop = stop, _next_line(text, stop)
        screen.feed(text[start:stop])
    return stop


def _next_line(text: str, position: int) -> int:
    return text.find("\n", position) + 1 or len(text)


def _plain(text: str) -> str:
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    return _ESCAPES.sub(_colour_only, text) if "\x1b" in text else text


def _colour_only(match: "re.Match[str]") -> str:
    return match.group() if _is_colour(match.group()) else ""


def _is_colour(sequence: str) -> bool:
    return sequence.startswith("\x1b[") and sequence.endswith("m")


def _start_of_reach(text: str, position: int) -> int:
    """Return where the lines begin that a cursor at a position can still move up to."""
    for _ in range(_REACH):
        position = text.rfind("\n", 0, position)
        if position < 0:
            return 0
    return position + 1


class _Line:
    """One line of a screen. What a terminal of great width would have wrapped can't be overwritten any more."""

    __slots__ = ("chars", "frozen", "styles")

    def __init__(self) -> None:
        self.frozen: List[str] = []
        self.chars = ""
        self.styles: Optional[List[str]] = None

    def put(self, column: int, run: str, style: str) -> int:
        """Write a run of characters at a column; return the column behind it."""
        if column > len(self.chars):
            self._pad(column)
        end = column + len(run)
        if self.styles is None and style:
            self.styles = [""] * len(self.chars)
        if self.styles is not None:
            self.styles[column:end] = [style] * len(run)
        self.chars = self.chars[:column] + run + self.chars[end:]
        if len(self.chars) > _WIDTH and end == len(self.chars):
            self._freeze()
            return 0
        return end

    def cut(self, column: int) -> None:
        """Erase from a column on."""
        self.chars = self.chars[:column]
        if self.styles is not None:
            del self.styles[column:]

    def blank(self, column: int) -> None:
        """Erase up to a column, and that too."""
        self.put(0, " " * min(column + 1, len(self.chars)), "")

    def render(self) -> str:
        """Return the line with its colours."""
        return "".join(self.frozen) + self._rendered()

    def _pad(self, column: int) -> None:
        if self.styles is not None:
            self.styles += [""] * (column - len(self.chars))
        self.chars = self.chars.ljust(column)

    def _freeze(self) -> None:
        self.frozen.append(self._rendered())
        self.chars, self.styles = "", None

    def _rendered(self) -> str:
        if self.styles is None:
            return self.chars
        parts, now = [], ""
        for index, style in enumerate(self.styles):
            if style != now:
                parts.append(("\x1b[0m" if now else "") + style)
                now = style
            parts.append(self.chars[index])
        return "".join(parts) + ("\x1b[0m" if now else "")


class _Screen:
    """Lines and a cursor: as much of a terminal as progress bars use."""

    def __init__(self) -> None:
        self.lines = [_Line()]
        self.row = 0
        self.column = 0
        self.style = ""
        self.frames = 0
        self._padding = _PADDING

    def feed(self, text: str) -> None:
        """Write text at the cursor."""
        for match in _TOKENS.finditer(text):
            token = match.group()
            kind = token[0]
            if kind == "\x1b":
                self._escape(token)
            elif kind == "\x08":
                self.column = max(0, self.column - len(token))
            elif token == "\r":
                self.frames += self.column > 0
                self.column = 0
            elif token[-1] == "\n":
                self._down()
            else:
                self._write(token)

    def render(self) -> str:
        """Return what is on the screen."""
        return "\n".join(line.render() for line in self.lines)

    def is_on_new_line(self) -> bool:
        """Return whether what is written next can touch nothing that is there."""
        last = self.lines[-1]
        return self.row == len(self.lines) - 1 and not last.chars and not last.frozen

    def resume(self) -> str:
        """Return the sequences that bring the cursor of a rendered screen back to where it is."""
        up = len(self.lines) - 1 - self.row
        move = "\x1b[{}A".format(up) if up else ""
        forward = "\x1b[{}C".format(self.column) if self.column else ""
        return move + "\x1b[G" + forward + self.style

    def _write(self, run: str) -> None:
        line = self.lines[self.row]
        gap = self.column - len(line.chars)
        if gap > 0:
            gap = min(gap, self._padding)
            self._padding -= gap
            self.column = len(line.chars) + gap
        self.column = line.put(self.column, run, self.style)

    def _down(self) -> None:
        self.row += 1
        self.column = 0
        if self.row == len(self.lines):
            self.lines.append(_Line())

    def _escape(self, token: str) -> None:
        if token[1:2] != "[":
            return
        final, inner = token[-1], token[2:-1]
        if final == "m":
            self._colour(token, inner)
        elif final in "ABCDEFGJK":
            self._move(final, int(inner.split(";")[0] or 0) if inner.replace(";", "").isdigit() else 0)

    def _colour(self, token: str, inner: str) -> None:
        if inner.strip("0;") == "":
            self.style = ""
        elif len(self.style) < 64:
            self.style += token
        else:
            self.style = token

    def _move(self, final: str, number: int) -> None:
        count = number or 1
        if final in "AF":
            self.row = max(0, self.row - count)
        elif final in "BE":
            self.row = min(len(self.lines) - 1, self.row + count)
        elif final == "C":
            self.column = min(self.column + count, _WIDTH)
        elif final == "D":
            self.column = max(0, self.column - count)
        elif final == "G":
            self.column = min(count - 1, _WIDTH)
        elif final == "K":
            self._erase_line(number)
        elif final == "J" and number == 0:
            self.lines[self.row].cut(self.column)
            del self.lines[self.row + 1 :]
        if final in "EF":
            self.column = 0

    def _erase_line(self, number: int) -> None:
        line = self.lines[self.row]
        if number == 0:
            line.cut(self.column)
        elif number == 1:
            line.blank(self.column)
        else:
            line.cut(0)


class Kept:
    """A stream that arrives in pieces: all of it up to `limit` bytes, beyond that its head and its tail.

    A stream of a terminal (`terminal=True`) is collapsed before anything of it is given up.
    """

    def __init__(self, limit: int, *, terminal: bool = True) -> None:
        self._limit = limit
        self._terminal = terminal
        self._head = bytearray()
        self._tail: Optional[bytearray] = None
        self._hash = hashlib.sha256()
        self._frames = 0
        self._is_known = True
        self.size = 0

    def write(self, data: Union[bytes, str]) -> None:
        """Add a piece."""
        if isinstance(data, str):
            data = data.encode("utf-8", "backslashreplace")
        self.size += len(data)
        self._hash.update(data)
        if self._tail is not None:
            self._keep_tail(data)
            return
        self._head += data
        if len(self._head) > self._limit and not self._made_room():
            self.shrink(self._limit)

    def leave_out(self, count: int) -> None:
        """Say that so many bytes come here which are not known: before them is the head, behind them the tail."""
        self.size += count
        self._is_known = False
        if self._tail is None:
            self._tail = bytearray()

    @property
    def is_cut(self) -> bool:
        """Whether the middle is not kept."""
        return self._tail is not None

    @property
    def held(self) -> int:
        """The number of bytes in memory."""
        return len(self._head) + len(self._tail or b"")

    def sha256(self) -> str:
        """Return the SHA-256 of all that was written, as hexadecimal digits; nothing when some of it is not known."""
        return self._hash.hexdigest() if self._is_known else ""

    def shrink(self, limit: int) -> None:
        """Keep no more than `limit` bytes from now on."""
        self._limit = limit
        if self.held <= limit and self._tail is None:
            return
        end = self._tail if self._tail is not None else self._head
        self._tail = _last(end, limit // 2)
        self._head = self._head[: limit // 2]

    def text(self) -> str:
        """Return what is kept; a line between head and tail says what is missing.

        Next to the cut some more is given up, so that no secret is left of which a part is missing.
        """
        return self._parts()[0]

    def output(self, name: Optional[str], group: int) -> Dict[str, Any]:
        """Return the outputs entry of a journal."""
        text, frames = self._parts()
        entry: Dict[str, Any] = {"mime": "text/plain", "name": name, "group": group, "text": text}
        if self.is_cut:
            entry["truncated"] = {"bytes": self.size, "sha256": self.sha256()}
        if frames + self._frames:
            entry["frames"] = frames + self._frames + 1
        return entry

    def _parts(self) -> Tuple[str, int]:
        if self._tail is None:
            return self._shown(bytes(self._head))
        margin = min(4096, self._limit // 8)
        begin = self._head[: max(0, len(self._head) - margin)]
        end = _last(self._tail, self._limit // 2)[margin:]
        head, before = self._shown(_to_newline(bytes(begin), margin))
        tail, after = self._shown(_from_newline(bytes(end), margin))
        note = "[… {:,} bytes in all; the middle is not kept …]".format(self.size)
        return "{}\n{}\n{}".format(head.rstrip("\n"), note, tail), before + after

    def _shown(self, data: bytes) -> Tuple[str, int]:
        text = data.decode("utf-8", "replace")
        return collapse_counted(text) if self._terminal else (text, 0)

    def _keep_tail(self, data: bytes) -> None:
        assert self._tail is not None
        self._tail += data
        if len(self._tail) > self._limit + 4096:
            self._tail = _last(self._tail, self._limit // 2)

    def _made_room(self) -> bool:
        """Collapse what is held; False when that did not halve it."""
        if not self._terminal:
            return False
        text = self._head.decode("utf-8", "surrogateescape")
        partial = _PARTIAL.search(text, max(0, len(text) - 2048))
        rest = text[partial.start() :] if partial else ""
        shown, frames, resume = _carry_out(text[: len(text) - len(rest)])
        self._frames += frames
        shown += resume + rest
        self._head = bytearray(shown.encode("utf-8", "surrogateescape"))
        return len(self._head) <= self._limit // 2


def _last(data: bytearray, count: int) -> bytearray:
    return data[max(0, len(data) - count) :]


def _to_newline(data: bytes, reach: int) -> bytes:
    """Return data up to the end of its last whole line, where that is near."""
    newline = data.rfind(b"\n", max(0, len(data) - reach))
    return data[: newline + 1] if newline >= 0 else data


def _from_newline(data: bytes, reach: int) -> bytes:
    """Return data from its first whole line on, where that is near."""
    return data[data.find(b"\n", 0, reach) + 1 :]
