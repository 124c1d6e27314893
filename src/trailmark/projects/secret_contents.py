"""Which words in a secret file are secret: passwords, keys and tokens, in the forms in which programs want them.

Known are JSON, `.netrc`, `.pgpass`, what is written as `NAME = value` or `name: value` (INI, `.env`, TOML, YAML), the
password in an address, a file that is one word, and whatever looks like a key wherever it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from trailmark_capture.redact import MINIMUM, is_telling

MOST_VALUES = 200
_MOST_TEXT = 1_000_000
_MOST_LEVELS = 50
_TOKEN = re.compile(r"(?=[\w+/=.-]*[0-9])(?=[\w+/=.-]*[A-Za-z])[A-Za-z0-9_+/=.-]{20,}")
_TELLING_NAME = re.compile(
    r"pass(?!eng)|pwd|secret|token(?!iz)|key|credential|auth(?!or)|private|bearer|\bpat$|_pat$", re.IGNORECASE
)
_PLAIN_NAME = re.compile(r"(ur[il]|type|name|user|path|file|host|email|_id|method|expir\w*)$", re.IGNORECASE)
_NETRC = re.compile(r"(?:^|\s)(?:password|account)\s+(\"(?:\\.|[^\"\\])*\"|\S+)")
_PGPASS = re.compile(r"^(?!#)(?:(?:\\.|[^:\\\n])+:){4}((?:\\.|[^\n])+)$", re.MULTILINE)
_PORT = re.compile(r"^(?!#)[^:\n]+:(?:\d+|\*):", re.MULTILINE)
_PAIR = re.compile(
    r"^[ \t-]*(?:export\s+)?[\"']?([\w.-]{1,100})[\"']?[ \t]*[=:][ \t]*(?![ \t]*$)([^\n]+?)[ \t,;]*$",
    re.MULTILINE,
)
_NAMED = re.compile(r"[A-Za-z_]\w*=|[a-z+]+://")
_ADDRESS = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_QUOTED = re.compile(r"([\"'])((?:\\.|(?!\1).)*)\1")
_NO_SECRET = frozenset(
    ("true", "false", "null", "none", "default", "disabled", "enabled", "required", "optional")
)


def values_in(text: str) -> tuple[str, ...]:
    """Return the values in the text of a file that are to be blacked out, each once; the plainest forms first."""
    text = text[:_MOST_TEXT]
    found = (value for value in _all(text) if len(value) >= MINIMUM and value.casefold() not in _NO_SECRET)
    return tuple(dict.fromkeys(found))[:MOST_VALUES]


def _all(text: str) -> Iterator[str]:
    try:
        yield from _in_json(json.loads(text), "", _MOST_LEVELS)
    except (ValueError, RecursionError):
        yield from _in_lines(text)
    yield from map(unquote, _ADDRESS.findall(text))
    yield from _ADDRESS.findall(text)
    yield from (token for token in _TOKEN.findall(text) if is_telling(token))


def _in_json(value: Any, name: str, levels: int) -> Iterator[str]:
    if isinstance(value, str):
        if _is_secret(name, value):
            yield value
    elif isinstance(value, dict) and levels:
        for key, item in value.items():
            yield from _in_json(item, key, levels - 1)
    elif isinstance(value, list) and levels:
        for item in value:
            yield from _in_json(item, name, levels - 1)


def _in_lines(text: str) -> Iterator[str]:
    words = text.split()
    if len(words) == 1 and is_telling(words[0]) and not _NAMED.match(words[0]):
        yield words[0]
    if "machine" in words or "default" in words:
        yield from map(_unquoted, _NETRC.findall(text))
    if _PORT.search(text):
        yield from (re.sub(r"\\(.)", r"\1", password) for password in _PGPASS.findall(text))
    for name, value in _PAIR.findall(text):
        plain = _unquoted(value)
        if _is_secret(name, plain):
            yield plain


def _is_secret(name: str, value: str) -> bool:
    """Return whether a value is secret by the name that it has."""
    if _PLAIN_NAME.search(name) or "://" in value:
        return False
    return _TELLING_NAME.search(name) is not None


def _unquoted(value: str) -> str:
    """Return a value without its quotation marks, or without the remark behind it."""
    quoted = _QUOTED.match(value)
    if quoted:
        return re.sub(r"\\([\"'\\])", r"\1", quoted[2])
    return re.split(r"\s[#;]", value, maxsplit=1)[0].strip()
