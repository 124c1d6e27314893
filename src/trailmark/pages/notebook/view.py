"""A notebook as its template shows it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from trailmark.pages.ansi import ansi_to_html
from trailmark.pages.highlight import highlight
from trailmark.pages.isolate import IMAGES
from trailmark.pages.links import Links
from trailmark.pages.notebook.reading import ReadCell, ReadNotebook, Unreadable, read_notebook
from trailmark.pages.readme import render_document
from trailmark.pages.record.outputs import Addresses, Shown, show_outputs, wanted_outputs

PICTURE_BYTES = 24 * 1024 * 1024
_ATTACHED = re.compile(r"\(attachment:([^)\s]+)\)")


@dataclass(frozen=True)
class ShownCell:
    """One cell: prose for text, highlighted code with its number and what it showed."""

    prose: Markup | None
    code: Markup | None
    number: int | None
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class NotebookView:
    """A notebook to read. With `problem` there is nothing else."""

    cells: tuple[ShownCell, ...] = ()
    language: str = ""
    kernel: str | None = None
    left_out: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class _Shelf:
    """Where a notebook lies, and what of it every cell needs."""

    path: str
    links: Links
    at: str | None
    language: str
    pictures: Mapping[int, str]


def build_notebook(data: bytes, path: str, links: Links, *, at: str | None = None) -> NotebookView:
    """Return a notebook file as it can be shown: what in it could act is put behind isolated addresses."""
    read = read_notebook(data)
    if isinstance(read, Unreadable):
        return NotebookView(problem=read.why)
    shelf = _Shelf(path, links, at, read.language, _pictures(read))
    return NotebookView(
        cells=tuple(_cell(cell, shelf) for cell in read.cells if cell.source or cell.outputs),
        language=read.language,
        kernel=read.kernel,
        left_out=read.left_out,
    )


def _pictures(notebook: ReadNotebook) -> dict[int, str]:
    """Return the notebook's pictures as data: addresses by number, as many as a page can bear."""
    found: dict[int, str] = {}
    room = PICTURE_BYTES
    for cell in notebook.cells:
        for number, output in enumerate(cell.outputs, cell.first):
            if output.ref.mime in IMAGES and output.ref.bytes <= room:
                room -= output.ref.bytes
                found[number] = f"data:{output.ref.mime};base64,{base64.b64encode(output.data).decode()}"
    return found


def _cell(cell: ReadCell, shelf: _Shelf) -> ShownCell:
    if cell.kind == "markdown":
        text = _with_attachments(cell.source, cell.attachments)
        return ShownCell(render_document(text, shelf.path, shelf.links, at=shelf.at), None, None, ())
    code = highlight(cell.source, shelf.language if cell.kind == "code" else "text")
    return ShownCell(None, code, cell.number, (*_outputs(cell, shelf), *_errors(cell)))


def _with_attachments(source: str, attachments: Mapping[str, str]) -> str:
    return _ATTACHED.sub(lambda match: f"({attachments.get(match[1], '')})", source)


def _outputs(cell: ReadCell, shelf: _Shelf) -> tuple[Shown, ...]:
    refs = [output.ref for output in cell.outputs]
    contents = {number: cell.outputs[number].data for number in wanted_outputs(refs)}
    addresses = Addresses(
        raw=lambda number: shelf.pictures.get(cell.first + number),
        frame=lambda number: shelf.links.frame(shelf.path, at=shelf.at, output=cell.first + number),
        download=lambda number: None,
    )
    return show_outputs(refs, contents, addresses)


def _errors(cell: ReadCell) -> tuple[Shown, ...]:
    return tuple(
        Shown("error", error.summary, len(cell.outputs) + number, body=ansi_to_html(error.traceback))
        for number, error in enumerate(cell.errors)
    )
