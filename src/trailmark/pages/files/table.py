"""The beginning of a delimited text file as a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice

ROWS = 200
COLUMNS = 100
_CELL = 300
_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"[-+]?(\d[\d,_ ]*)?\.?\d+([eE][-+]?\d+)?%?|nan|NaN|NA|inf|-inf|-|")


@dataclass(frozen=True)
class Table:
    """The first rows of a file. `numeric` says of each column whether it holds numbers only."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    delimiter: str
    more_rows: bool
    more_columns: int


def parse_table(text: str, *, tabs: bool, whole: bool) -> Table | None:
    """Return the table that a text holds, None when it holds none. `whole` says that the text is not cut."""
    try:
        delimiter = "\t" if tabs else _find_delimiter(text)
        found = list(islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter), ROWS + 2))
    except csv.Error:
        return None
    if not whole and len(found) <= ROWS + 1:
        found = found[:-1]
    rows = [row for row in found if row]
    if not rows:
        return None
    width = max(len(row) for row in rows)
    named = _is_header(rows)
    heads = rows[0] if named else [str(number + 1) for number in range(width)]
    body = rows[1 if named else 0 :]
    shown = min(width, COLUMNS)
    return Table(
        heads=_fit(heads, shown),
        rows=tuple(_fit(row, shown) for row in body[:ROWS]),
        numeric=tuple(_is_numeric(body, column) for column in range(shown)),
        delimiter=delimiter,
        more_rows=len(body) > ROWS or not whole,
        more_columns=width - shown,
    )


def _find_delimiter(text: str) -> str:
    """Return the delimiter that cuts the first lines most evenly, and then into most columns."""
    sample = text[:20_000].split("\n")[:30]

    def evenness(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        if not widths or max(widths) == 1:
            return 0, 0
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        return (widths.count(usual) if usual > 1 else 0), usual

    return max(_DELIMITERS, key=evenness)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    return len(rows) > 1 and not any(cell.strip() and _NUMBER.fullmatch(cell.strip()) for cell in rows[0])


def _is_numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column].strip() for row in rows if column < len(row)]
    return any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _fit(row: Sequence[str], width: int) -> tuple[str, ...]:
    cells = [cell if len(cell) <= _CELL else cell[:_CELL] + "…" for cell in row[:width]]
    return tuple(cells + [""] * (width - len(cells)))
