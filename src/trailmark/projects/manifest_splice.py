"""Replacing [environment] in a `trailmark.toml` by that of another one, with all else as it was written (pure)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from trailmark.errors import InvalidInput
from trailmark.projects.manifest import FILE_NAME

_KEY = "environment"
_HEADER = re.compile(r"\s*\[")
_OURS = re.compile(r"\s*\[\[?\s*[\"']?environment[\"']?\s*[.\]]")
_NO_FACT = re.compile(r"\s*(#.*)?$")


def with_environment(text: str, then: str) -> str:
    """Return a manifest with the [environment] of another one; all else, comments included, stays as it is.

    Raises InvalidInput when that cannot be done.
    """
    now = _parsed(text, f"{FILE_NAME} is not valid TOML: {{}}. Mend it first; nothing was changed.")
    old = _parsed(then, f"The {FILE_NAME} of then is not valid TOML: {{}}. Nothing was changed.")
    if now.get(_KEY) == old.get(_KEY):
        return text
    expected = {key: value for key, value in now.items() if key != _KEY}
    if _KEY in old:
        expected[_KEY] = old[_KEY]
    for splice in (_by_lines, _by_tables, _in_plain_form):
        changed = splice(text, then)
        if changed is not None and _is_toml(changed, expected):
            return changed
    raise InvalidInput(
        f"[environment] in {FILE_NAME} is written in a way that cannot be replaced. Nothing was changed; make it "
        "one table with its parts behind it, and try again."
    )


def _by_lines(text: str, then: str) -> str | None:
    """Put the lines of the one's sections in the place of the other's: nothing else moves."""
    before, after, found = list[str](), list[str](), False
    for section in _sections(text):
        facts, rest = _without_tail(section)
        if _OURS.match(section[0]):
            found = True
            facts = []
        (after if found else before).extend([*facts, *rest])
    sections = (_without_tail(section)[0] for section in _sections(then) if _OURS.match(section[0]))
    ours = "\n".join("".join(facts) for facts in sections)
    if ours and not found and before:
        before.append("\n")
    lines = "".join((*before, ours if not ours or ours.endswith("\n") else f"{ours}\n", *after))
    return lines.lstrip("\n") if not "".join(before).strip() else lines


def _by_tables(text: str, then: str) -> str | None:
    try:
        document, source = tomlkit.parse(text), tomlkit.parse(then)
        if _KEY in source:
            document[_KEY] = source[_KEY]
        else:
            document.remove(_KEY)
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _in_plain_form(text: str, then: str) -> str | None:
    try:
        document = tomlkit.parse(text)
        if _KEY in document:
            document.remove(_KEY)
        if _KEY in (wanted := tomllib.loads(then)):
            document[_KEY] = tomlkit.item(wanted[_KEY])
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _sections(text: str) -> list[list[str]]:
    """Return the lines of a manifest, cut before each header of a table."""
    sections: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if not sections or _HEADER.match(line):
            sections.append([])
        sections[-1].append(line)
    return sections


def _without_tail(section: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines of a section, and the comments and empty lines at its end: they are the next one's."""
    end = len(section)
    while end and _NO_FACT.match(section[end - 1]):
        end -= 1
    return section[:end], section[end:]


def _parsed(text: str, message: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(message.format(error)) from error


def _is_toml(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
