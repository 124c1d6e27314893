"""From a journal entry to the action that it stands for. Pure: files are looked up by whoever records."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, cast

from trailmark.activity import KINDS, STATUSES, Action, Kind, Output, Status, Truncation

TITLE_LENGTH = 100
_CARRIED = ("actor", "tool", "engine", "environment", "source", "continues", "session", "language")
_RESULTS = ("execution_count", "exit_code", "files_by")
_DETAIL = ("notebook", "cell", "resources", "cwd")
_NOISE = re.compile(r"^\s*(#|%|//|$|import\s|from\s+\S+\s+import\s|\"\"\"|''')")


def action_of(entry: Mapping[str, Any], *, lost: bool = False) -> Action:
    """Return the action of an `end` entry, or of a `begin` entry whose program was `lost`."""
    started = float(entry.get("started", 0.0))
    ended = started if lost else float(entry.get("ended", started))
    code = entry.get("code") or None
    facts = {name: entry[name] for name in (*_CARRIED, *_RESULTS) if entry.get(name) is not None}
    return Action(
        kind=cast("Kind", entry["kind"] if entry.get("kind") in KINDS else "command"),
        title=entry.get("title") or title_of(code, entry.get("source")),
        id=entry["id"],
        status="lost" if lost else _status(entry),
        started=started,
        seconds=max(0.0, ended - started),
        code=code,
        error=error_text(entry.get("error")),
        outputs=tuple(_output(item) for item in entry.get("outputs") or ()),
        detail={name: entry[name] for name in _DETAIL if entry.get(name) is not None},
        **facts,
    )


def title_of(code: str | None, source: str | None) -> str:
    """Return the line that tells most of some code.

    That is a comment of several words at its beginning, else the first line that is no comment, import or
    magic, else the first.
    """
    lines = [line.strip() for line in (code or "").splitlines() if line.strip()]
    if not lines:
        return source or "Nothing to run"
    heading = lines[0].lstrip("#").strip() if lines[0].startswith("# ") else ""
    if " " in heading:
        return _cut(heading)
    return _cut(next((line for line in lines if not _NOISE.match(line)), lines[0]))


def _cut(title: str) -> str:
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"


def error_text(error: Mapping[str, Any] | None) -> str | None:
    """Return an error as a person reads it: the traceback, or the name and the value."""
    if not error:
        return None
    summary = f"{error.get('name', 'Error')}: {error.get('value', '')}".rstrip(": ")
    trace = error.get("traceback") or ""
    return trace if summary in trace else f"{trace}\n{summary}".strip()


def _status(entry: Mapping[str, Any]) -> Status:
    status = entry.get("status")
    return cast("Status", status) if status in STATUSES else "error"


def _output(item: Mapping[str, Any]) -> Output:
    cut = item.get("truncated")
    return Output(
        mime=str(item.get("mime", "text/plain")),
        data=_data(item),
        name=item.get("name"),
        group=int(item.get("group", 0)),
        truncated=Truncation(int(cut["bytes"]), str(cut["sha256"])) if cut else None,
        frames=item.get("frames"),
    )


def _data(item: Mapping[str, Any]) -> bytes:
    if "base64" in item:
        try:
            return base64.b64decode(item["base64"])
        except (binascii.Error, ValueError):
            return str(item["base64"]).encode()
    return str(item.get("text", "")).encode("utf-8", "backslashreplace")
