"""How results look: JSON for programs, aligned text for people, colour only where it is wanted."""

import json
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from trailmark.cli.invocation import Invocation
from trailmark.errors import InvalidInput

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def show(invocation: Invocation, value: Any, human: Callable[[], str]) -> None:
    """Print a result: `value` as JSON when that was asked for, otherwise the text that `human` returns.

    JSON is one line of plain ASCII, so that any program can take it in; on a terminal it is laid out.
    """
    if invocation.json:
        is_seen = sys.stdout.isatty()
        click.echo(json.dumps(value, ensure_ascii=not is_seen, indent=2 if is_seen else None))
        return
    text = human()
    if text:
        click.echo(text)


def clean(text: str) -> str:
    """Return text that a terminal shows and does not obey: what others wrote may hold control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str, width: int = 72) -> str:
    """Return the text as one clean line of at most `width` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def faint(text: str) -> str:
    """Return text that stands back."""
    return click.style(text, dim=True)


def strong(text: str) -> str:
    """Return text that stands out."""
    return click.style(text, bold=True)


_COLOURS = {"ok": "green", "error": "red", "lost": "red", "interrupted": "yellow", "aborted": "yellow"}


def status(word: str) -> str:
    """Return a record's status in its colour."""
    return click.style(word, fg=_COLOURS.get(word))


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = ()) -> str:
    """Return rows with their columns aligned. The last column is never padded."""
    lines = [[faint(heading) for heading in headings]] if headings else []
    lines += [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(_width(row[column]) for row in lines) for column in range(len(lines[0]))]
    return "\n".join(_join(row, widths) for row in lines)


def _join(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join([*padded[:-1], row[-1]]).rstrip()


def _width(cell: str) -> int:
    plain = click.unstyle(cell)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in plain)


def fields(values: Mapping[str, str]) -> str:
    """Return names and values, one pair a line, values aligned; pairs without a value are left out."""
    return table([(faint(name), value) for name, value in values.items() if value])


def size(count: float) -> str:
    """Return a number of bytes as a person says it: 512 B, 1.4 KB, 23 MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a length of time as a person says it: 0.3 s, 12 s, 4 min 5 s, 2 h 3 min."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(epoch: float) -> str:
    """Return a moment in the time zone of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch))


def save(path: Path, data: bytes) -> None:
    """Write what a person asked for to a file of theirs. Raises InvalidInput where that cannot be."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def confirm(question: str, *, yes: bool, essential: bool = True) -> None:
    """Ask before going on. Raises InvalidInput when the answer is not yes.

    Where nobody can answer, an essential question is refused, and another one is told and taken for answered.
    """
    if yes:
        return
    if sys.stdin.isatty():
        if not click.confirm(question, err=True):
            raise InvalidInput("Nothing was changed.")
    elif essential:
        raise InvalidInput(f"{question} Nothing was changed: add --yes to answer yes.")
    else:
        click.echo(f"{question} Going on, for nobody is here to ask.", err=True)
