"""Values in the files of a tool, written so that each means itself: in a script as in JSON (pure)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

from trailmark.sessions.tools.model import PLACEHOLDER, fill

_IN_DOUBLE = re.compile(r'([$`"\\])')


def fill_file(name: str, text: str, values: Mapping[str, str]) -> str:
    """Return the text of a file with its placeholders replaced, as its kind needs it.

    A file that begins as a script is one of a shell; a placeholder may stand there between quotes or outside of them.
    In JSON it stands in a text. In any other file the values stand as they are.
    """
    if text.startswith("#!"):
        return "\n".join(_fill_line(line, values) for line in text.split("\n"))
    if name.endswith(".json"):
        return fill(text, {key: json.dumps(value)[1:-1] for key, value in values.items()})
    return fill(text, values)


def _fill_line(line: str, values: Mapping[str, str]) -> str:
    """Fill a line of a script."""
    made, begin, quote = "", 0, ""
    for match in PLACEHOLDER.finditer(line):
        before = line[begin : match.start()]
        quote = _open_quote(before, quote)
        value = values.get(match[1])
        made += before + (match[0] if value is None else _quoted(value, quote))
        begin = match.end()
    return made + line[begin:]


def _open_quote(text: str, quote: str) -> str:
    """Return the quote that is open after a text, when `quote` was open before it; none is empty."""
    is_escaped = False
    for char in text:
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
    return quote


def _quoted(value: str, quote: str) -> str:
    if quote == '"':
        return _IN_DOUBLE.sub(r"\\\1", value)
    return value.replace("'", "'\\''") if quote else shlex.quote(value)
