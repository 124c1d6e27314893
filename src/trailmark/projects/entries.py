"""From a journal entry to the action that it stands for. Pure: files are looked up by whoever records.

An entry was written by another process, perhaps of another version, perhaps by a program that only claims to be
capture. `checked` comes first: behind it every fact is what it should be.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from trailmark.activity import KINDS, STATUSES, Action, Kind, Output, Status, Truncation
from trailmark.activity.store import is_record_id
from trailmark_capture.files.log import Files
from trailmark_capture.journal import time_of

Entry = Mapping[str, Any]
TITLE_LENGTH = 100
_CARRIED = ("actor", "tool", "engine", "environment", "source", "continues", "session", "language")
_RESULTS = ("execution_count", "exit_code", "files_by")
_DETAIL = ("notebook", "cell", "resources", "cwd", "unreadable")
_END_OF_TIME = 1e11
_NOISE = re.compile(r"^\s*(#|%|//|$|import\s|from\s+\S+\s+import\s|\"\"\"|''')")


def checked(entry: Mapping[str, Any]) -> Entry | None:
    """Return an entry without what is not as it should be; None when it does not even say which action it is of.

    What was taken out is named in `unreadable`. Times that say nothing are those of the entry's id.
    """
    identity = entry.get("id")
    if entry.get("type") not in ("begin", "end") or not (
        isinstance(identity, str) and is_record_id(identity)
    ):
        return None
    facts: dict[str, Any] = {"type": entry["type"], "id": identity}
    unreadable = set()
    for name, value in entry.items():
        if name in _ITEMS:
            is_whole = isinstance(value, list)
            facts[name] = [item for item in value if _ITEMS[name](item)] if is_whole else []
            if value is not None and len(facts[name]) != (len(value) if is_whole else -1):
                unreadable.add(name)
        elif name in _FACTS:
            if value is None or _FACTS[name](value):
                facts[name] = value
            else:
                unreadable.add(name)
    facts["started"] = facts.get("started") or time_of(identity)
    facts["ended"] = facts.get("ended") or facts["started"]
    return {**facts, "unreadable": sorted(unreadable)} if unreadable else facts


def lost(begin: Entry, found: Files, last_seen: float) -> Entry:
    """Return the end of an action whose program is gone without a word, from what it is known to have done."""
    return {
        **begin,
        **found._asdict(),
        "type": "end",
        "status": "lost",
        "ended": max(float(begin["started"]), last_seen),
    }


def action_of(entry: Entry) -> Action:
    """Return the action of an `end` entry, without its files."""
    started, ended = float(entry["started"]), float(entry["ended"])
    code = entry.get("code") or None
    facts = {name: entry[name] for name in (*_CARRIED, *_RESULTS) if entry.get(name) is not None}
    return Action(
        kind=cast("Kind", entry["kind"] if entry.get("kind") in KINDS else "command"),
        title=entry.get("title") or title_of(code, entry.get("source")),
        id=entry["id"],
        status=_status(entry),
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


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_TIME


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_file(value: Any) -> bool:
    return (
        _is_mapping(value)
        and _is_text(value.get("path"))
        and _has(value, digest=_is_text, bytes=_is_number)
        and (value["path"].startswith("/") if value.get("external") else is_place(value["path"]))
    )


def is_place(value: Any) -> bool:
    """Return whether a value is a path that leads to something in the project, as far as its words go."""
    return (
        _is_text(value)
        and "\0" not in value
        and not any(part in ("", ".", "..") for part in value.split("/"))
    )


def _is_output(value: Any) -> bool:
    return (
        _is_mapping(value)
        and _is_text(value.get("mime"))
        and _has(value, name=_is_text, group=_is_number, frames=_is_number, text=_is_text, base64=_is_text)
        and _has(value, truncated=_is_truncation)
    )


def _is_truncation(value: Any) -> bool:
    return _is_mapping(value) and _is_number(value.get("bytes")) and _is_text(value.get("sha256"))


def _is_error(value: Any) -> bool:
    return _is_mapping(value) and _has(value, name=_is_text, value=_is_text, traceback=_is_text)


def _has(value: Mapping[str, Any], /, **checks: Callable[[Any], bool]) -> bool:
    """Return whether each of some facts passes its check or is not there."""
    return all(value.get(name) is None or check(value[name]) for name, check in checks.items())


_FACTS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys((*_CARRIED, "kind", "title", "code", "status", "files_by", "files_log"), _is_text),
    **dict.fromkeys(("cell", "cwd"), _is_text),
    "notebook": is_place,
    **dict.fromkeys(("execution_count", "exit_code"), _is_number),
    **dict.fromkeys(("started", "ended"), _is_time),
    "save_expected": lambda value: isinstance(value, bool),
    "error": _is_error,
    "resources": lambda value: _is_mapping(value) and all(map(_is_time, value.values())),
}
_ITEMS: Mapping[str, Callable[[Any], bool]] = {
    "outputs": _is_output,
    "notebook_outputs": _is_mapping,
    "reads": _is_file,
    "writes": _is_file,
    "deletes": is_place,
}
