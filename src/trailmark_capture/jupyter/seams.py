"""What capture is told about its session, and how text is tidied."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Config:
    """The session that capture belongs to."""

    project: Path
    journal: Path
    session: str | None
    tool: str
    engine: str
    environment: str | None
    actor: str
    files: Path
    shell: Path
    shim: Path | None
    exclude: list[str]
    secrets: Path | None
    nudge: Path | None
    recorder: list[str] | None
    max_output_bytes: int


def load() -> Config:
    """Read the file that TRAILMARK_CAPTURE names."""
    raw = json.loads(Path(os.environ["TRAILMARK_CAPTURE"]).read_text(encoding="utf-8"))
    for name in ("project", "journal", "files", "shell", "shim", "secrets", "nudge"):
        raw[name] = Path(raw[name]) if raw.get(name) else None
    return Config(**{name: raw.get(name) for name in Config.__dataclass_fields__})


def overwrite(text: str) -> tuple[str, int]:
    """Return text with each line as it stands after its carriage returns, and how many there were."""
    repeated = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        is_open = number == len(lines) - 1 and line.endswith("\r")
        shown = ""
        segments = line.rstrip("\r").split("\r")
        for segment in segments:
            shown = segment + shown[len(segment) :]
        repeated += len(segments) - 1
        lines[number] = shown + ("\r" if is_open else "")
    return "\n".join(lines), repeated


def strip_ansi(text: str) -> str:
    """Return text without colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
