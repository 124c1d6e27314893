"""From a filter to SQL: conditions over the table `records`, with their values. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trailmark.activity.query import Filter

_WORD = re.compile(r'"([^"]*)"?|(\S+)')
_SHORTEST_BEGINNING = 2
_COLUMNS = ("kind", "tool", "notebook", "status", "session")
_HAS_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Condition:
    """A piece of SQL and the values for its question marks."""

    sql: str
    values: tuple[object, ...] = ()


def match_expression(search: str) -> str | None:
    """Return the full-text query for what a person typed; None when there is no word in it.

    Words are quoted, so nothing that is typed is an error; all must occur, and the last one may be only begun.
    """
    clean = search.replace("\0", " ").encode("utf-8", "replace").decode()
    found = [
        (phrase or word, bool(word))
        for phrase, word in _WORD.findall(clean.replace("“", '"').replace("”", '"'))
    ]
    terms = [(text.replace('"', " "), is_word) for text, is_word in found if _HAS_WORD.search(text)]
    if not terms:
        return None
    quoted = [f'"{text}"' for text, _ in terms]
    last, is_word = terms[-1]
    if is_word and not search[-1].isspace() and _may_be_begun(last):
        quoted[-1] += " *"
    return " AND ".join(quoted)


def conditions(wanted: Filter, *, with_outside: bool) -> list[Condition]:
    """Return what the columns of `records` must satisfy; files, branches and full text are not among it."""
    found = [
        Condition(f"records.{name} = ?", (value,))
        for name in _COLUMNS
        if (value := getattr(wanted, name)) is not None
    ]
    if not with_outside:
        found.append(Condition("+records.kind NOT IN ('outside', 'missing')"))
    if wanted.person is not None:
        found.append(Condition("records.person = ?", (name_of(wanted.person),)))
    if wanted.actor == "program":
        found.append(Condition("+records.actor GLOB 'program:*'"))
    elif wanted.actor is not None:
        found.append(Condition("+records.actor = ?", (wanted.actor,)))
    if wanted.since is not None:
        found.append(Condition("records.started >= ?", (wanted.since,)))
    if wanted.until is not None:
        found.append(Condition("records.started < ?", (wanted.until,)))
    return found


def path_condition(file: str) -> Condition:
    """Return which rows of `paths` a person means by a file: itself, a folder, a bare name or a pattern."""
    plain = file.rstrip("/")
    if "*" in file or "?" in file:
        pattern = re.sub(r"([\[\]])", r"[\1]", file)
        return Condition("path GLOB ? OR path GLOB ?", (pattern, f"*/{pattern}"))
    below = Condition("path = ? OR (path >= ? AND path < ?)", (plain, f"{plain}/", f"{plain}0"))
    if "/" in plain:
        return below
    escaped = re.sub(r"([\[\]])", r"[\1]", plain)
    return Condition(f"{below.sql} OR path GLOB ?", (*below.values, f"*/{escaped}"))


def name_of(author: str) -> str:
    """Return the name out of `Name <address>`."""
    return author.partition("<")[0].strip() or author


def _may_be_begun(word: str) -> bool:
    """Return whether a word is long enough, or its last part comes after others, to look for what begins so."""
    *before, last = re.split(r"[\W_]+", word)
    return len(last) >= (1 if any(before) else _SHORTEST_BEGINNING)
