"""Notebook files as they go into a commit: without what a person typed in, with the cell as it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def cleaned(data: bytes) -> bytes:
    """Return the notebook without answers to `input()`; the very same bytes when there are none."""
    if b'"stdin"' not in data:
        return data
    notebook = _parse(data)
    if notebook is None or not any(_without_answers(cell) for cell in notebook["cells"]):
        return data
    return _render(notebook)


def canonical(path: str, data: bytes) -> bytes:
    """Return what git shall hold of a file: notebooks cleaned, anything else as it is."""
    return cleaned(data) if path.endswith(".ipynb") else data


def is_notebook(data: bytes) -> bool:
    """Return whether the bytes are a whole notebook."""
    return _parse(data) is not None


def shows(data: bytes, cell: str, execution_count: int | None) -> bool:
    """Return whether a saved notebook already holds the cell as this execution left it."""
    notebook = _parse(data)
    found = _find(notebook, cell) if notebook else None
    return (
        found is not None and execution_count is not None and found.get("execution_count") == execution_count
    )


def merged(data: bytes, entry: Mapping[str, Any]) -> bytes:
    """Return the notebook with the executed cell's source and outputs put in, as Jupyter itself would write it.

    The bytes come back unchanged when they are no notebook, or when the entry names no cell.
    """
    notebook = _parse(data)
    cell_id = entry.get("cell")
    if notebook is None or not cell_id:
        return data
    cell = _find(notebook, cell_id)
    if cell is None:
        cell = {"cell_type": "code", "id": cell_id, "metadata": {}}
        notebook["cells"].append(cell)
    cell["source"] = entry.get("code", "").splitlines(keepends=True)
    cell["outputs"] = [_as_lines(output) for output in entry.get("notebook_outputs") or ()]
    cell["execution_count"] = entry.get("execution_count")
    for other in notebook["cells"]:
        _without_answers(other)
    return _render(notebook)


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    return notebook if isinstance(notebook, dict) else None


def _render(notebook: Mapping[str, Any]) -> bytes:
    """Write as nbformat does, so that a later save of the same content is the same file."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": "))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _find(notebook: Mapping[str, Any], cell_id: str) -> dict[str, Any] | None:
    return next((cell for cell in notebook["cells"] if cell.get("id") == cell_id), None)


def _without_answers(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs")
    if not isinstance(outputs, list):
        return False
    kept = [output for output in outputs if not (isinstance(output, dict) and output.get("name") == "stdin")]
    cell["outputs"] = kept
    return len(kept) != len(outputs)


def _as_lines(output: Mapping[str, Any]) -> dict[str, Any]:
    """Split texts into lines, the form that notebooks have on disk."""
    split = dict(output)
    if isinstance(split.get("text"), str):
        split["text"] = split["text"].splitlines(keepends=True)
    if isinstance(split.get("data"), dict):
        split["data"] = {
            mime: value.splitlines(keepends=True) if isinstance(value, str) and "json" not in mime else value
            for mime, value in split["data"].items()
        }
    return split
