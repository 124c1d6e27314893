"""What a notebook's file does not keep: answers to `input()`, and the values of secrets."""

import json
from pathlib import Path
from typing import Any

from trailmark_capture.jupyter.capture import current
from trailmark_capture.redact import Redactor, is_telling


def clean(*, model: dict[str, Any], **_: Any) -> None:
    """Take typed answers and secrets out of a notebook that is about to be saved (a `pre_save_hook`)."""
    content = model.get("content")
    if model.get("type") != "notebook" or not isinstance(content, dict):
        return
    capture = current()
    sources = Redactor(_telling_secrets(capture.config.secrets))
    content["cells"] = [_cleaned(cell, capture.redactor, sources) for cell in content.get("cells") or ()]


def _cleaned(cell: dict[str, Any], redactor: Redactor, sources: Redactor) -> dict[str, Any]:
    outputs = cell.get("outputs")
    if isinstance(outputs, list):
        kept = [output for output in outputs if output.get("name") != "stdin"]
        cell = {**cell, "outputs": redactor.entry({"outputs": kept})["outputs"]}
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(source)
    return {**cell, "source": sources.text(source)} if isinstance(source, str) else cell


def _telling_secrets(path: Path | None) -> dict[str, str]:
    """Return the secrets that can't be ordinary words of a program: code is changed for no others."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in stored.items() if isinstance(value, str) and is_telling(value)}
