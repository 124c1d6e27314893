"""Cells and outputs from the bytes of an .ipynb file. Trusts nothing: a broken notebook gives a clear reason."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trailmark.activity import OutputRef

LARGEST_BYTES = 64 * 1024 * 1024
MOST_CELLS = 2000
_BINARY = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "audio/", "video/")


@dataclass(frozen=True)
class Unreadable:
    """Why a notebook cannot be shown, in words for the person who opened it."""

    why: str


@dataclass(frozen=True)
class ReadOutput:
    """One form of one output: its facts as a record would hold them, and its bytes."""

    ref: OutputRef
    data: bytes


@dataclass(frozen=True)
class ReadError:
    """An error that a cell ended with."""

    summary: str
    traceback: str


@dataclass(frozen=True)
class ReadCell:
    """One cell. `first` is the number of its first output in the whole notebook."""

    kind: str
    source: str
    number: int | None
    first: int
    outputs: tuple[ReadOutput, ...]
    errors: tuple[ReadError, ...]
    attachments: Mapping[str, str]


@dataclass(frozen=True)
class ReadNotebook:
    """A notebook's cells, and the language of its code. `left_out` cells follow those read."""

    cells: tuple[ReadCell, ...]
    language: str
    kernel: str | None
    left_out: int = 0


def read_notebook(data: bytes) -> ReadNotebook | Unreadable:
    """Return the notebook that the bytes hold, or why they hold none."""
    if len(data) > LARGEST_BYTES:
        return Unreadable("This notebook is too large to be shown here. JupyterLab opens it.")
    if not data.strip():
        return Unreadable(
            "This notebook is empty: it has no content at all. JupyterLab cannot open it either."
        )
    if b"\n<<<<<<< " in data or data.startswith(b"<<<<<<< "):
        return Unreadable("This notebook holds the marks of an unfinished merge (<<<<<<<). Choose one side.")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Unreadable(f"This is no notebook: its JSON breaks off or is wrong ({error}).")
    if not isinstance(content, dict):
        return Unreadable("This is no notebook: its content is not what a notebook's looks like.")
    version = content.get("nbformat")
    if isinstance(version, int) and version < 4:
        return Unreadable(
            f"This notebook is in an old format ({version}). JupyterLab converts it on opening."
        )
    cells = content.get("cells")
    if not isinstance(cells, list):
        return Unreadable("This is no notebook: it has no list of cells.")
    return _notebook(content, cells)


def read_output(data: bytes, number: int) -> ReadOutput | None:
    """Return the numbered output of a notebook, None when it has none of that number."""
    notebook = read_notebook(data)
    if isinstance(notebook, Unreadable):
        return None
    for cell in notebook.cells:
        if cell.first <= number < cell.first + len(cell.outputs):
            return cell.outputs[number - cell.first]
    return None


def _notebook(content: Mapping[str, Any], cells: list[Any]) -> ReadNotebook:
    read: list[ReadCell] = []
    first = 0
    for cell in cells[:MOST_CELLS]:
        one = _cell(_mapping(cell), first)
        first += len(one.outputs)
        read.append(one)
    metadata = _mapping(content.get("metadata"))
    kernel = _mapping(metadata.get("kernelspec"))
    language = _mapping(metadata.get("language_info")).get("name") or kernel.get("language") or "python"
    return ReadNotebook(
        tuple(read),
        str(language),
        str(kernel["display_name"]) if kernel.get("display_name") else None,
        max(0, len(cells) - MOST_CELLS),
    )


def _cell(cell: Mapping[str, Any], first: int) -> ReadCell:
    kind = cell.get("cell_type")
    count = cell.get("execution_count")
    outputs: list[ReadOutput] = []
    errors: list[ReadError] = []
    listed = cell.get("outputs")
    for group, item in enumerate(listed if kind == "code" and isinstance(listed, list) else []):
        output = _mapping(item)
        if output.get("output_type") == "error":
            errors.append(_error(output))
        else:
            outputs.extend(_forms(output, group))
    return ReadCell(
        kind=kind if kind in ("code", "markdown", "raw") else "raw",
        source=_text(cell.get("source")),
        number=count if isinstance(count, int) else None,
        first=first,
        outputs=tuple(outputs),
        errors=tuple(errors),
        attachments=_attachments(cell.get("attachments")),
    )


def _forms(output: Mapping[str, Any], group: int) -> list[ReadOutput]:
    if output.get("output_type") == "stream":
        name = output.get("name")
        if name == "stdin":
            return []
        data = _text(output.get("text")).encode("utf-8", "replace")
        return [_output("text/plain", data, group, "stderr" if name == "stderr" else "stdout")]
    forms = _mapping(output.get("data"))
    return [_output(str(mime), _bytes(str(mime), value), group, None) for mime, value in forms.items()]


def _output(mime: str, data: bytes, group: int, name: str | None) -> ReadOutput:
    digest = hashlib.sha256(data).hexdigest()
    return ReadOutput(OutputRef(mime, len(data), digest, "", name=name, group=group), data)


def _error(output: Mapping[str, Any]) -> ReadError:
    lines = output.get("traceback")
    trace = "\n".join(str(line) for line in lines) if isinstance(lines, list) else ""
    name, value = str(output.get("ename") or "Error"), str(output.get("evalue") or "")
    return ReadError(f"{name}: {value}" if value else name, trace)


def _bytes(mime: str, value: object) -> bytes:
    if isinstance(value, dict) or (isinstance(value, list) and mime.endswith("json")):
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    text = _text(value)
    if mime.startswith(_BINARY):
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            return b""
    return text.encode("utf-8", "replace")


def _attachments(value: object) -> dict[str, str]:
    """Return the pictures that a text cell holds, by name, as data: addresses."""
    found = {}
    for name, forms in _mapping(value).items():
        for mime, data in _mapping(forms).items():
            if mime in _BINARY and isinstance(data, str):
                found[str(name)] = f"data:{mime};base64,{''.join(data.split())}"
                break
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Return a text that notebooks store whole or as a list of lines."""
    if isinstance(value, list):
        return "".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""
