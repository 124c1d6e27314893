"""What a person typed into one field, as the packages that are meant (pure)."""

from __future__ import annotations

import re

_LIMIT = r"[<>=!~]=?=?\s*[^\s,;]*"
_TYPED = re.compile(
    rf"""
    (?P<name>(?:(?!@\s*[a-z+]+:/)[^\s,;\[\]<>=!~])+)
    (?P<extras>\s*\[[^\]\n]*(?:\]|$))?
    (?:\s*@\s*(?P<url>[a-z+]+:/\S*) | (?P<limits>\s*{_LIMIT}(?:\s*,\s*{_LIMIT})*))?
    (?P<marker>\s*;[^\n]*)?
    |(?P<odd>[^\s,]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def split_typed(text: str) -> tuple[str, ...]:
    """Return the packages in a text, with their extras, limits and addresses; spaces, commas or lines part them."""
    return tuple(_whole(match) for match in _TYPED.finditer(text))


def name_in_progress(text: str) -> str:
    """Return the name that somebody is typing at the end of a text; nothing where a limit, or no name, is typed."""
    whole = list(_TYPED.finditer(text))
    if not whole or text[-1:].isspace() or text.endswith(","):
        return ""
    last = whole[-1]
    return str(last["name"]) if last["name"] == last[0] else ""


def _whole(match: re.Match[str]) -> str:
    if match["odd"]:
        return match["odd"]
    extras, limits = ("".join((match[part] or "").split()) for part in ("extras", "limits"))
    url = f" @ {match['url']}" if match["url"] else ""
    marker = " " + " ".join(match["marker"].split()) if match["marker"] else ""
    return f"{match['name']}{extras}{limits}{url}{marker}"
