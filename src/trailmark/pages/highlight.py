"""Code as highlighted HTML: classes only, so that the style sheet decides the colours in light and dark."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup, escape
from pygments import highlight as _pygments
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

LONGEST_BYTES = 256 * 1024
_NAMES = {"r": "r", "bash": "bash", "sh": "bash", "shell": "bash", "ir": "r", "python3": "python"}
_FORMATTER = HtmlFormatter(nowrap=True)


def highlight(code: str, language: str | None) -> Markup:
    """Return highlighted code of a language by name; plain escaped text for an unknown one or a huge text."""
    if len(code) > LONGEST_BYTES:
        return Markup(escape(code))
    return _highlighted(code, _NAMES.get((language or "").lower(), (language or "").lower()))


def highlight_file(code: str, path: str) -> Markup:
    """Return highlighted code of the language that a file's name stands for."""
    return highlight(code, language_of(path))


def language_of(path: str) -> str | None:
    """Return the language that a file's name stands for, None when it stands for none."""
    try:
        aliases = get_lexer_for_filename(path.rsplit("/", 1)[-1]).aliases
    except ClassNotFound:
        return None
    return str(aliases[0]) if aliases else None


@lru_cache(maxsize=1024)
def _highlighted(code: str, language: str) -> Markup:
    lexer = _lexer(language)
    if lexer is None:
        return Markup(escape(code))
    return Markup(_pygments(code, lexer, _FORMATTER).rstrip("\n"))


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    if not language or language == "text":
        return None
    try:
        lexer: Lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return lexer
