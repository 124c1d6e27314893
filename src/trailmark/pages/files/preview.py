"""A preview of a file from its name and its first bytes."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from trailmark.pages.files.table import Table, parse_table
from trailmark.pages.highlight import LONGEST_BYTES, highlight, highlight_file, language_of
from trailmark.pages.isolate import IMAGES
from trailmark.pages.links import Links
from trailmark.pages.notebook import NotebookView, build_notebook
from trailmark.pages.notebook.reading import LARGEST_BYTES
from trailmark.pages.readme import render_document
from trailmark.pages.wording import count, filesize

TEXT_BYTES = 1024 * 1024
LARGEST_IMAGE = 50 * 1024 * 1024
MOST_LINES = 5000
_MARKDOWN = (".md", ".markdown")
_TABLES = (".csv", ".tsv", ".tab")
_PAGES = (".html", ".htm")
_MORE_TYPES = {
    ".md": "text/markdown",
    ".ipynb": "application/x-ipynb+json",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".geojson": "application/json",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".csv": "text/csv",
}
_KNOWN = {
    ".parquet": "a Parquet table",
    ".feather": "a Feather table",
    ".h5": "an HDF5 file",
    ".hdf5": "an HDF5 file",
    ".npy": "a NumPy array",
    ".npz": "NumPy arrays",
    ".pkl": "pickled Python objects",
    ".pickle": "pickled Python objects",
    ".rds": "a saved R object",
    ".rdata": "saved R objects",
    ".xlsx": "an Excel workbook",
    ".pdf": "a PDF document",
    ".zip": "an archive",
    ".gz": "a compressed file",
    ".sqlite": "an SQLite database",
    ".db": "a database",
}
Form = Literal["code", "table", "image", "frame", "markdown", "notebook", "none"]


@dataclass(frozen=True)
class Preview:
    """How a file is shown. Which of the optional parts are there depends on `form`.

    `notes` say what the preview leaves out; `why` why there is none.
    """

    form: Form
    language: str | None = None
    code: Markup | None = None
    lines: int = 0
    table: Table | None = None
    src: str | None = None
    prose: Markup | None = None
    notebook: NotebookView | None = None
    notes: tuple[str, ...] = ()
    why: str | None = None


def mime_of(path: str) -> str:
    """Return the media type that a file's name stands for."""
    suffix = _suffix(path)
    if suffix in _MORE_TYPES:
        return _MORE_TYPES[suffix]
    return mimetypes.guess_type(path, strict=True)[0] or "application/octet-stream"


def wanted_bytes(path: str, size: int) -> int:
    """Return how many of a file's first bytes its preview needs."""
    if mime_of(path) in IMAGES or _suffix(path) in _PAGES:
        return 0
    if _suffix(path) == ".ipynb":
        return size if size <= LARGEST_BYTES else 0
    return min(size, TEXT_BYTES)


def build_preview(path: str, size: int, head: bytes, links: Links, *, at: str | None = None) -> Preview:
    """Return the preview of a file; `head` holds its first `wanted_bytes`."""
    suffix = _suffix(path)
    if mime_of(path) in IMAGES:
        return _image(path, size, links, at)
    if suffix in _PAGES:
        note = "This page is shown isolated: it reaches neither Trailmark nor the network."
        return Preview("frame", src=links.frame(path, at=at), notes=(note,))
    if suffix == ".ipynb":
        return _notebook(path, size, head, links, at)
    if size == 0:
        return Preview("none", why="This file is empty.")
    text, encoding = _decode(head)
    if text is None:
        return Preview("none", why=_no_preview(suffix))
    notes = (*_cut_note(size, head), *_encoding_note(encoding))
    if suffix in _MARKDOWN:
        return Preview("markdown", prose=render_document(text, path, links, at=at), notes=notes)
    if suffix in _TABLES:
        table = parse_table(text, tabs=suffix != ".csv", whole=size <= len(head))
        if table is not None and (len(table.heads) > 1 or table.rows):
            return Preview("table", table=table, notes=(*_table_notes(table), *_encoding_note(encoding)))
    return _code(path, text, notes)


def _image(path: str, size: int, links: Links, at: str | None) -> Preview:
    if size > LARGEST_IMAGE:
        return Preview("none", why=f"This picture of {filesize(size)} is too large to be shown here.")
    return Preview("image", src=links.raw(path, at=at))


def _notebook(path: str, size: int, head: bytes, links: Links, at: str | None) -> Preview:
    if size > len(head):
        problem = f"This notebook of {filesize(size)} is too large to be shown here. JupyterLab opens it."
        return Preview("notebook", notebook=NotebookView(problem=problem))
    return Preview("notebook", notebook=build_notebook(head, path, links, at=at))


def _code(path: str, text: str, notes: tuple[str, ...]) -> Preview:
    if mime_of(path) == "application/json":
        text = _pretty(text)
    lines = text.rstrip("\n").split("\n")
    if len(lines) > MOST_LINES:
        notes = (*notes, f"The first {MOST_LINES:,} of {count(len(lines), 'line')} are shown.")
        lines = lines[:MOST_LINES]
    shown = "\n".join(lines)
    code = highlight(shown, None) if len(shown) > LONGEST_BYTES else highlight_file(shown, path)
    return Preview("code", language=language_of(path), code=code, lines=len(lines), notes=notes)


def _pretty(text: str) -> str:
    if "\n" in text.strip():
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _decode(head: bytes) -> tuple[str | None, str]:
    """Return the text that bytes hold and how they hold it; None for what is no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace"), "UTF-16"
    if b"\x00" in head[:8192]:
        return None, ""
    odd = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head[:8192])
    if odd > len(head[:8192]) // 50:
        return None, ""
    try:
        return head.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return head[: error.start].decode("utf-8-sig"), "UTF-8"
        return head.decode("cp1252", "replace"), "Windows-1252"


def _no_preview(suffix: str) -> str:
    what = _KNOWN.get(suffix)
    return f"There is no preview of {what}." if what else "There is no preview: this file holds no text."


def _cut_note(size: int, head: bytes) -> tuple[str, ...]:
    return (f"The first {filesize(len(head))} of {filesize(size)} are shown.",) if size > len(head) else ()


def _encoding_note(encoding: str) -> tuple[str, ...]:
    return (f"Read as {encoding}.",) if encoding not in ("", "UTF-8") else ()


def _table_notes(table: Table) -> tuple[str, ...]:
    notes = []
    if table.more_rows:
        notes.append(f"The first {count(len(table.rows), 'row')} are shown.")
    if table.more_columns:
        notes.append(f"{count(table.more_columns, 'more column')} to the right are left out.")
    return tuple(notes)


def _suffix(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return "." + name.rsplit(".", 1)[1].lower() if "." in name else ""
