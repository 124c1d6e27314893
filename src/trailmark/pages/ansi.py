"""Terminal output as safe HTML: colours become classes, all other control sequences go."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

_SEQUENCE = re.compile(
    r"\x1b\[([0-9;:]*)m"  # what we show: colours and weight
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # cursor movement and the like
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?"  # the rest
    r"|[\x00-\x07\x0b-\x0c\x0e-\x1a\x1c-\x1f\x7f]"
)
_OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)
_BACKSPACED = re.compile(r"[^\n\b]\x08")
_BASIC = (
    (0, 0, 0), (205, 49, 49), (13, 188, 121), (229, 229, 16),
    (36, 114, 200), (188, 63, 188), (17, 168, 205), (229, 229, 229),
    (102, 102, 102), (241, 76, 76), (35, 209, 139), (245, 245, 67),
    (59, 142, 234), (214, 112, 214), (41, 184, 219), (255, 255, 255),
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True)
class _Style:
    """How the characters that follow look; colours are numbers from 0 to 15."""

    front: int | None = None
    back: int | None = None
    marks: frozenset[str] = frozenset()

    @property
    def classes(self) -> str:
        """Return the classes that show this style."""
        front, back = (self.back, self.front) if "inverse" in self.marks else (self.front, self.back)
        names = [f"ansi-{mark}" for mark in sorted(self.marks)]
        names += [f"ansi-{front}"] if front is not None else []
        names += [f"ansi-on-{back}"] if back is not None else []
        return " ".join(names)


_SET = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_UNSET = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}


def ansi_to_html(text: str) -> Markup:
    """Return the text as HTML: everything escaped, colours as classes `ansi-N` and `ansi-on-N`."""
    parts: list[str] = []
    style = _Style()
    position = 0
    settled = _settle(text)
    for match in _SEQUENCE.finditer(settled):
        _append(parts, settled[position : match.start()], style)
        position = match.end()
        if match.group(1) is not None:
            style = _next_style(style, match.group(1))
    _append(parts, settled[position:], style)
    return Markup("".join(parts))


def strip_ansi(text: str) -> str:
    """Return the text as it would read on a terminal, without any control sequence."""
    return _SEQUENCE.sub("", _settle(text))


def _settle(text: str) -> str:
    """Do what carriage returns and backspaces ask for."""
    plain = text.replace("\r\n", "\n")
    if "\r" in plain:
        plain = _OVERWRITTEN.sub("", plain).replace("\r", "")
    for _ in range(80):
        if "\x08" not in plain:
            break
        plain = _BACKSPACED.sub("", plain)
    return plain.replace("\x08", "")


def _append(parts: list[str], text: str, style: _Style) -> None:
    if text:
        classes = style.classes
        safe = str(escape(text))
        parts.append(f'<span class="{classes}">{safe}</span>' if classes else safe)


def _next_style(style: _Style, parameters: str) -> _Style:
    numbers = [int(part[:5] or 0) for part in re.split("[;:]", parameters)]
    while numbers:
        number = numbers.pop(0)
        if number == 0:
            style = _Style()
        elif number in _SET:
            style = replace(style, marks=style.marks | {_SET[number]})
        elif number in _UNSET:
            style = replace(style, marks=style.marks.difference(_UNSET[number]))
        else:
            style = _coloured(style, number, numbers)
    return style


def _coloured(style: _Style, number: int, rest: list[int]) -> _Style:
    """Apply a colour; what it consumes of `rest` is removed from it."""
    if number in (38, 48):
        colour = _extended(rest)
        return replace(style, front=colour) if number == 38 else replace(style, back=colour)
    for start, bright in ((30, 0), (90, 8)):
        if start <= number < start + 8:
            return replace(style, front=number - start + bright)
        if start + 10 <= number < start + 18:
            return replace(style, back=number - start - 10 + bright)
    if number == 39:
        return replace(style, front=None)
    return replace(style, back=None) if number == 49 else style


def _extended(rest: list[int]) -> int | None:
    """Return the nearest of the sixteen colours to one of 256 (`5;N`) or of all (`2;R;G;B`)."""
    form = rest.pop(0) if rest else 0
    if form == 5 and rest:
        return _of_palette(rest.pop(0))
    if form == 2 and len(rest) >= 3:
        red, green, blue = rest.pop(0), rest.pop(0), rest.pop(0)
        return _nearest(red, green, blue)
    return None


def _of_palette(number: int) -> int:
    if number < 16:
        return number
    if number < 232:
        cube = number - 16
        return _nearest(_LEVELS[cube // 36 % 6], _LEVELS[cube // 6 % 6], _LEVELS[cube % 6])
    grey = 8 + (min(number, 255) - 232) * 10
    return _nearest(grey, grey, grey)


def _nearest(red: int, green: int, blue: int) -> int:
    def distance(index: int) -> int:
        r, g, b = _BASIC[index]
        return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2

    return min(range(16), key=distance)
