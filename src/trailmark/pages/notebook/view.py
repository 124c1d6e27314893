"""A notebook as its template shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from trailmark.pages.ansi import ansi_to_html
from trailmark.pages.highlight import highlight
from trailmark.pages.links import Links
from trailmark.pages.notebook.reading import ReadCell, ReadNotebook, Unreadable, read_notebook
from trailmark.pages.readme import render_document
from trailmark.pages.record.outputs import Addresses, Shown, show_outputs, wanted_outputs

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


def build_notebook(data: bytes, path: str, links: Links, *, at: str | None = None) -> NotebookView:
    """Return a notebook file as it can be shown: what in it could act is put behind isolated addresses."""
    read = read_notebook(data)
    if isinstance(read, Unreadable):
        return NotebookView(problem=read.why)
    return NotebookView(
        cells=tuple(_cell(cell, read, path, links, at) for cell in read.cells if cell.source or cell.outputs),
        language=read.language,
        kernel=read.kernel,
        left_out=read.left_out,
    )


def _cell(cell: ReadCell, notebook: ReadNotebook, path: str, links: Links, at: str | None) -> ShownCell:
    if cell.kind == "markdown":
        text = _with_attachments(cell.source, cell.attachments)
        return ShownCell(render_document(text, path, links, at=at), None, None, ())
    code = highlight(cell.source, notebook.language if cell.kind == "code" else "text")
    return ShownCell(None, code, cell.number, (*_outputs(cell, path, links, at), *_errors(cell)))


def _with_attachments(source: str, attachments: Mapping[str, str]) -> str:
    return _ATTACHED.sub(lambda match: f"({attachments.get(match[1], '')})", source)


def _outputs(cell: ReadCell, path: str, links: Links, at: str | None) -> tuple[Shown, ...]:
    refs = [output.ref for output in cell.outputs]
    contents = {number: cell.outputs[number].data for number in wanted_outputs(refs)}
    addresses = Addresses(
        raw=lambda number: links.raw(path, at=at, output=cell.first + number),
        frame=lambda number: links.frame(path, at=at, output=cell.first + number),
        download=lambda number: None,
    )
    return show_outputs(refs, contents, addresses)


def _errors(cell: ReadCell) -> tuple[Shown, ...]:
    return tuple(
        Shown("error", error.summary, len(cell.outputs) + number, body=ansi_to_html(error.traceback))
        for number, error in enumerate(cell.errors)
    )
