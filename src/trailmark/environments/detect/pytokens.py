"""Cut Python code of any version into lines of words, without asking today's grammar whether it is right.

Strings and comments fall out, lines that brackets or a backslash join become one. Nothing here can fail.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<string>[bBuUrR]{0,2}(?:\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)
                              |"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?))
    | (?P<comment>\#[^\n]*)
    | (?P<join>\\\r?\n)
    | (?P<newline>\r?\n|\r)
    | (?P<name>[^\W\d]\w*)
    | (?P<space>[ \t\f]+)
    | (?P<number>\d\w*)
    | (?P<other><>|>>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENERS = frozenset(
    {"try", "except", "else", "if", "elif", "finally", "for", "while", "with", "def", "class"}
)
_TAB = 8
STRING = "''"


@dataclass(frozen=True)
class Line:
    """One logical line: how far in it begins, its statements as words, and the block that it opens (or "")."""

    indent: int
    statements: tuple[tuple[str, ...], ...]
    opens: str = ""
    is_python2: bool = False


def read_lines(text: str) -> list[Line]:
    """Return the logical lines of Python code; a string is the word `''`."""
    return [_line(indent, words) for indent, words in _logical(text)]


def _logical(text: str) -> Iterator[tuple[int, list[str]]]:
    words: list[str] = []
    indent = depth = 0
    at_start = True
    for match in _TOKEN.finditer(text.removeprefix("\ufeff")):
        kind, word = match.lastgroup, match.group()
        if kind == "newline" and (depth == 0 or _is_lost(words)):
            if words:
                yield indent, words
            words, indent, depth, at_start = [], 0, 0, True
        elif kind == "space" and at_start:
            indent = len(word.expandtabs(_TAB))
        elif kind not in ("space", "comment", "join", "newline"):
            at_start = False
            depth += (word in "([{") - (word in ")]}") if kind == "other" else 0
            depth = max(depth, 0)
            words.append(STRING if kind == "string" else word)
    if words:
        yield indent, words


def _is_lost(words: list[str]) -> bool:
    """Whether a bracket was most likely never closed, so that the rest would be swallowed."""
    return len(words) > 20_000


def _line(indent: int, words: list[str]) -> Line:
    statements: list[tuple[str, ...]] = []
    current: list[str] = []
    depth = 0
    opens = words[0] if words[0] in _OPENERS else ""
    for word in words:
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
        if word == ";" or (word == ":" and depth <= 0):
            statements.append(tuple(current))
            current = []
        else:
            current.append(word)
    statements.append(tuple(current))
    kept = tuple(filter(None, statements))
    return Line(indent, kept, opens, any(_is_old(statement) for statement in kept))


def _is_old(words: tuple[str, ...]) -> bool:
    """Whether a statement can only be Python 2's."""
    first, then = words[0], words[1] if len(words) > 1 else ""
    if first in ("print", "exec"):
        return then == STRING or then == ">>" or bool(re.match(r"\w|%", then) and then not in ("in", "is"))
    if first == "except":
        return "," in words and "(" not in words[: words.index(",")]
    if first == "raise":
        return "," in words and "(" not in words[: words.index(",")]
    return "<>" in words or "`" in words
