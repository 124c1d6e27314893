"""Activity records as values: what one thing that happened looks like, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, Literal, NewType, get_args

from trailmark.errors import Damaged

RecordId = NewType("RecordId", str)

Kind = Literal[
    "cell",
    "expression",
    "command",
    "run",
    "files",
    "environment",
    "note",
    "rollback",
    "branch",
    "merge",
    "sync",
    "import",
    "project",
    "dataset",
    "reproduce",
]
Status = Literal["ok", "error", "interrupted", "aborted", "lost"]
KINDS: tuple[str, ...] = get_args(Kind)
STATUSES: tuple[str, ...] = get_args(Status)
FORMAT = 1


@dataclass(frozen=True)
class FileRef:
    """A file that an action read or wrote.

    `path` is POSIX and relative to the project, or absolute with `external`. `digest` is the SHA-256 of the
    content, None when it could not be known. `held` says whether git holds the content; `candidate` that only
    a folder watcher saw the access, so that it may have been another program's; `open` that the action ended
    with the file still open for writing, so that its content belongs to a later record.
    """

    path: str
    digest: str | None = None
    bytes: int | None = None
    external: bool = False
    held: bool = True
    candidate: bool = False
    open: bool = False


@dataclass(frozen=True)
class Truncation:
    """What was left out of an output that was too large: its whole size and SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class OutputRef:
    """One output of an action; its bytes are the entry `file` of the record's tree.

    Outputs of one display in several MIME types share a `group`. `name` is stdout or stderr for streams.
    `frames` counts the frames of which the last one was kept.
    """

    mime: str
    bytes: int
    digest: str
    file: str
    name: str | None = None
    group: int = 0
    truncated: Truncation | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Record:
    """One thing that happened. Times are seconds since the epoch; `seconds` is the duration."""

    id: RecordId
    kind: Kind
    title: str
    status: Status
    started: float
    seconds: float
    author: str
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
    reads: tuple[FileRef, ...] = ()
    writes: tuple[FileRef, ...] = ()
    deletes: tuple[str, ...] = ()
    outputs: tuple[OutputRef, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the canonical JSON: sorted keys, a line for each, absent facts left out."""
        facts = {name: value for name in _SIMPLE if (value := getattr(self, name)) is not None}
        facts |= {name: [_plain(item) for item in getattr(self, name)] for name in _LISTS}
        facts = {"format": FORMAT, **{name: value for name, value in facts.items() if value not in ([], {})}}
        lines = ",\n".join(f"{_dumps(name)}: {_dumps(facts[name])}" for name in sorted(facts))
        return f"{{\n{lines}\n}}\n".encode("utf-8", "backslashreplace")

    @classmethod
    def from_json(cls, data: bytes) -> Record:
        """Parse what `to_json` wrote. Raises Damaged when it is not a record; unknown facts are ignored."""
        try:
            value = json.loads(data)
            return cls(
                **_checked({name: value[name] for name in _SIMPLE if name in value}),
                reads=tuple(_file(item) for item in value.get("reads", ())),
                writes=tuple(_file(item) for item in value.get("writes", ())),
                deletes=tuple(_checked({"path": path})["path"] for path in value.get("deletes", ())),
                outputs=tuple(_output(item) for item in value.get("outputs", ())),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Damaged(
                f"A record cannot be read ({error}); `trailmark verify` lists what is damaged."
            ) from error

    def with_outputs(self, outputs: tuple[OutputRef, ...]) -> Record:
        """Return the same record with other outputs."""
        return replace(self, outputs=outputs)


_LISTS = ("reads", "writes", "deletes", "outputs")
_SIMPLE = tuple(name for name in Record.__dataclass_fields__ if name not in _LISTS)
_USUAL = {"external": False, "candidate": False, "held": True, "open": False}
_dumps = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def _plain(item: Any) -> Any:
    """Return a file, output or path as JSON has it, without what says nothing."""
    if isinstance(item, str):
        return item
    facts = {name: value for name, value in vars(item).items() if value is not None}
    if "truncated" in facts:
        facts["truncated"] = vars(facts["truncated"])
    return {name: value for name, value in facts.items() if _USUAL.get(name, ...) is not value}


def _file(item: Mapping[str, Any]) -> FileRef:
    return FileRef(**_checked({name: item[name] for name in FileRef.__dataclass_fields__ if name in item}))


def _output(item: Mapping[str, Any]) -> OutputRef:
    known = {name: item[name] for name in OutputRef.__dataclass_fields__ if name in item}
    cut = known.pop("truncated", None)
    truncated = Truncation(**_checked({name: cut[name] for name in ("bytes", "sha256")})) if cut else None
    return OutputRef(**_checked(known), truncated=truncated)


_REQUIRED_TEXTS = ("id", "kind", "title", "status", "author", "actor", "path", "mime", "file", "sha256")
_TIMES = ("started", "seconds")
_FLAGS = ("external", "held", "candidate", "open")
_WHOLE = ("bytes", "group", "frames", "execution_count", "exit_code")
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_REQUIRED_TEXTS, (str,)),
    **dict.fromkeys(_TIMES, (int, float)),
    **dict.fromkeys(_FLAGS, (bool,)),
    **dict.fromkeys(_WHOLE, (int, NoneType)),
    "detail": (dict,),
}
_OTHERS = (str, NoneType)
_END_OF_TIME = 1e11


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts when each is of its type; records of strangers are read too. Raises TypeError."""
    for name, value in facts.items():
        is_right = isinstance(value, _TYPES.get(name, _OTHERS))
        if not is_right or (name in _TIMES and not abs(value) < _END_OF_TIME):
            raise TypeError(f"“{name}” is not what it should be")
    return facts
