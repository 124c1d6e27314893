"""What an action or a notebook's cell showed: each display in the one form that says most, safely."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from trailmark.activity import OutputRef, Truncation
from trailmark.pages.ansi import ansi_to_html
from trailmark.pages.highlight import highlight
from trailmark.pages.isolate import IMAGES
from trailmark.pages.readme import render_markdown
from trailmark.pages.wording import count, filesize

LONGEST_TEXT = 200_000
CLIPPED_LINES = 30
_BEST_FIRST = (
    *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif"),
    *("text/latex", "application/javascript", "application/json", "text/plain"),
)
_READ = frozenset({"text/plain", "text/markdown", "text/latex", "application/json"})
_LABELS = {
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/latex": "LaTeX",
    "text/plain": "text",
    "image/svg+xml": "SVG",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WebP",
    "application/pdf": "PDF",
    "application/json": "JSON",
    "application/javascript": "JavaScript",
    "application/vnd.plotly.v1+json": "Plotly",
    "application/vnd.jupyter.widget-view+json": "widget",
}
Form = Literal["text", "image", "frame", "rich", "code", "file", "error"]


@dataclass(frozen=True)
class Also:
    """Another form of the same display, as a download."""

    label: str
    href: str


@dataclass(frozen=True)
class Shown:
    """One display. `body` is safe HTML for text, rich and code; `src` an address for images and frames.

    `clipped` says that it is long enough to be shown behind “Show all”; `notes` what is missing from it.
    """

    form: Form
    label: str
    number: int
    stream: str | None = None
    body: Markup | None = None
    src: str | None = None
    lines: int = 0
    clipped: bool = False
    notes: tuple[str, ...] = ()
    download: str | None = None
    also: tuple[Also, ...] = ()


@dataclass(frozen=True)
class Addresses:
    """Where the parts of outputs are to be had, by their number; None for what is too large to be shown."""

    raw: Callable[[int], str | None]
    frame: Callable[[int], str]
    download: Callable[[int], str | None]


def wanted_outputs(outputs: Sequence[OutputRef]) -> tuple[int, ...]:
    """Return the numbers of the outputs whose bytes the page itself needs."""
    return tuple(
        number for number in (_best(group) for group in _groups(outputs)) if outputs[number].mime in _READ
    )


def show_outputs(
    outputs: Sequence[OutputRef], contents: Mapping[int, bytes], addresses: Addresses
) -> tuple[Shown, ...]:
    """Return each display in the form that says most; `contents` holds the bytes of `wanted_outputs`."""
    shown = []
    for group in _groups(outputs):
        best = _best(group)
        also = tuple(
            Also(label_of(output.mime), href)
            for number, output in group
            if number != best and (href := addresses.download(number)) is not None
        )
        shown.append(_show(best, outputs[best], contents.get(best, b""), addresses, also))
    return tuple(shown)


def label_of(mime: str) -> str:
    """Name a type of output."""
    return _LABELS.get(mime, mime)


def _groups(outputs: Sequence[OutputRef]) -> list[list[tuple[int, OutputRef]]]:
    groups: dict[tuple[int, str | None], list[tuple[int, OutputRef]]] = {}
    for number, output in enumerate(outputs):
        groups.setdefault((output.group, output.name), []).append((number, output))
    return list(groups.values())


def _best(group: Sequence[tuple[int, OutputRef]]) -> int:
    def rank(item: tuple[int, OutputRef]) -> tuple[int, int]:
        mime = item[1].mime
        return (_BEST_FIRST.index(mime) if mime in _BEST_FIRST else len(_BEST_FIRST), item[0])

    return min(group, key=rank)[0]


def _show(number: int, output: OutputRef, data: bytes, addresses: Addresses, also: tuple[Also, ...]) -> Shown:
    label = label_of(output.mime)
    notes = _notes(output)
    download = addresses.download(number)
    source = addresses.raw(number) if output.mime in IMAGES else None
    if source is not None:
        return Shown("image", label, number, src=source, notes=notes, download=download, also=also)
    if output.mime in ("text/html", "application/javascript"):
        return Shown(
            "frame", label, number, src=addresses.frame(number), notes=notes, download=download, also=also
        )
    if output.mime in _READ:
        return _show_text(number, output, data.decode("utf-8", "replace"), download, also)
    return Shown("file", label, number, notes=(filesize(output.bytes), *notes), download=download, also=also)


def _show_text(
    number: int, output: OutputRef, text: str, download: str | None, also: tuple[Also, ...]
) -> Shown:
    notes = _notes(output)
    if len(text) > LONGEST_TEXT:
        notes = (*notes, f"The first {filesize(LONGEST_TEXT)} of {filesize(output.bytes)} are shown here.")
        text = text[:LONGEST_TEXT]
    lines = text.rstrip("\n").count("\n") + 1
    form, body = _text_body(output.mime, text)
    return Shown(
        form=form,
        label=label_of(output.mime),
        number=number,
        stream=output.name,
        body=body,
        lines=lines,
        clipped=form != "rich" and lines > CLIPPED_LINES,
        notes=notes,
        download=download,
        also=also,
    )


def _text_body(mime: str, text: str) -> tuple[Form, Markup]:
    match mime:
        case "text/markdown":
            return "rich", render_markdown(text, level=3)
        case "text/latex":
            return "code", highlight(text.strip(), "latex")
        case "application/json":
            return "code", highlight(_pretty(text), "json")
    return "text", ansi_to_html(text.rstrip("\n"))


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _notes(output: OutputRef) -> tuple[str, ...]:
    notes = []
    if output.truncated is not None:
        notes.append(truncation_words(output.truncated))
    if output.frames is not None and output.frames > 1:
        notes.append(f"The last of {count(output.frames, 'frame')}.")
    return tuple(notes)


def truncation_words(cut: Truncation) -> str:
    """Say what was not kept of an output that was too large."""
    told = f"It was {filesize(cut.bytes)} in all, more than is kept: here are its beginning and its end."
    return f"{told} SHA-256 of the whole: {cut.sha256[:16]}…" if cut.sha256 else told
