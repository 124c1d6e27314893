"""The code of notebooks (nbformat 2 to 4) and of R Markdown, cell by cell, with its language; nothing is run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*\{[ \t]*\.?(?P<language>\w+)[^}\n]*\}[^\n]*\n(?P<code>.*?)"
    r"(?:^[ \t]*(?P=fence)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"`r[ ]+([^`\n]+)`")
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "cython", "px", "pypy", "python", "python3"})
_LANGUAGES = {"R": "r", "r": "r", "ir": "r", "python": "python", "python2": "python", "python3": "python"}


@dataclass(frozen=True)
class Cell:
    """A piece of code and the language that it is in (“python”, “r”, or what the notebook says)."""

    language: str
    code: str


@dataclass(frozen=True)
class Notebook:
    """The code cells of a notebook, its language, and the version of it that last ran it, where it says so."""

    language: str
    cells: tuple[Cell, ...]
    version: str | None = None


class UnreadableNotebook(ValueError):
    """The text is no notebook."""


def read_notebook(text: str) -> Notebook:
    """Return the code of a notebook. Raises UnreadableNotebook."""
    try:
        content = json.loads(text)
        metadata = _table(content.get("metadata"))
        cells = content.get("cells") or [cell for sheet in content["worksheets"] for cell in sheet["cells"]]
        language = _language(metadata)
        code = [_cell(cell, language) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableNotebook(str(error)) from error
    version = _table(metadata.get("language_info")).get("version")
    return Notebook(language, tuple(code), version if isinstance(version, str) else None)


def read_markdown(text: str) -> tuple[Cell, ...]:
    """Return the code of an R Markdown or Quarto document: its chunks, and the R within its sentences."""
    chunks = [Cell(_named(match["language"]), match["code"]) for match in _FENCE.finditer(text)]
    inline = _INLINE.findall(_FENCE.sub("", text))
    return (*chunks, *([Cell("r", "\n".join(inline))] if inline else []))


def _cell(cell: Mapping[str, Any], language: str) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    own = cell.get("language")
    named = _named(own) if isinstance(own, str) else language
    magic = _CELL_MAGIC.match(text)
    if named == "python" and magic and magic[1] not in _PYTHON_MAGICS:
        return Cell(_named(magic[1]), text.lstrip().partition("\n")[2])
    return Cell(named, text.lstrip().partition("\n")[2] if named == "python" and magic else text)


def _language(metadata: Mapping[str, Any]) -> str:
    """Return the notebook's language: Python where it does not say, as old notebooks do not."""
    for section in ("kernelspec", "language_info"):
        table = _table(metadata.get(section))
        for key in ("language", "name"):
            if isinstance(table.get(key), str) and (key == "language" or section == "language_info"):
                return _named(table[key])
    name = _table(metadata.get("kernelspec")).get("name")
    return _LANGUAGES.get(name, "python") if isinstance(name, str) else "python"


def _named(language: str) -> str:
    return _LANGUAGES.get(language, language.lower())


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
