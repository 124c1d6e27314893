"""What a caller asks to be recorded: an action, its outputs, and what becomes of the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trailmark.activity.model import FileRef, Kind, Status, Truncation
from trailmark.git import FILE, Oid


@dataclass(frozen=True)
class Output:
    """One output to be stored; see `OutputRef` for the meaning of the facts."""

    mime: str
    data: bytes
    name: str | None = None
    group: int = 0
    truncated: Truncation | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Action:
    """One thing that happened. `id` is chosen by capture; None asks for a fresh one.

    `started` and `seconds` default to the moment of recording. `text` is what full-text search finds besides
    the code; None means the text of the outputs.
    """

    kind: Kind
    title: str
    id: str | None = None
    status: Status = "ok"
    started: float | None = None
    seconds: float = 0.0
    actor: str = "person"
    tool: str | None = None
    engine: str | None = None
    environment: str | None = None
    source: str | None = None
    continues: str | None = None
    session: str | None = None
    language: str | None = None
    execution_count: int | None = None
    exit_code: int | None = None
    files_by: str | None = None
    code: str | None = None
    text: str | None = None
    error: str | None = None
    reads: tuple[FileRef, ...] = ()
    writes: tuple[FileRef, ...] = ()
    deletes: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NewFile:
    """Content for a path: bytes that git shall hold, or an object that it holds already."""

    content: bytes | Oid
    mode: int = FILE


@dataclass(frozen=True)
class Change:
    """What becomes of the project's tree: files put and removed, or a whole other tree in the place of `over`."""

    put: Mapping[str, NewFile] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()
    tree: Oid | None = None
    over: Oid | None = None


NO_CHANGE = Change()
