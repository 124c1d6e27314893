"""The page of a record from what is stored of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trailmark.activity import FileRef, Record, StoredRecord
from trailmark.pages.ansi import ansi_to_html, strip_ansi
from trailmark.pages.feed.model import Role
from trailmark.pages.feed.step import comment_of, source_of
from trailmark.pages.highlight import highlight
from trailmark.pages.kinds import code_language, kind_icon, kind_label, tool_label
from trailmark.pages.links import Links
from trailmark.pages.readme import plain_title, render_markdown
from trailmark.pages.record.model import (
    Action,
    CodeBlock,
    Fact,
    Failure,
    FileLine,
    Link,
    NoteLine,
    RecordPage,
)
from trailmark.pages.record.outputs import Addresses, show_outputs
from trailmark.pages.who import person_name, program_name
from trailmark.pages.wording import duration, filesize, shorten

_NAMES = {"expression": "R expression", "command": "Terminal command", "run": "Run"}
_SEEN_BY = {
    "shim": "Every access, by the file shim",
    "audit": "By Python's audit hook; native libraries may be missing",
    "inotify": "By watching the folder; another program's may be among them",
    "audit+inotify": "By Python's audit hook and by watching the folder",
    "none": "Not watched",
}


@dataclass(frozen=True)
class Neighbour:
    """Another record, as far as a link needs."""

    id: str
    title: str


@dataclass(frozen=True)
class WrittenNote:
    """A note about the record."""

    id: str
    text: str
    author: str
    actor: str
    at: float


@dataclass(frozen=True)
class Surroundings:
    """What a record does not know itself: its commit and the branches that hold it, and who refers to it.

    `current` says that the project stands exactly here, so that going back makes no sense.
    """

    commit: str | None = None
    branches: tuple[str, ...] = ()
    newer: Neighbour | None = None
    older: Neighbour | None = None
    continues: Neighbour | None = None
    continued_by: tuple[Neighbour, ...] = ()
    notes: tuple[WrittenNote, ...] = ()
    current: bool = False
    contents: Mapping[int, bytes] = field(default_factory=dict)


def build_record(stored: StoredRecord, around: Surroundings, links: Links) -> RecordPage:
    """Return the page of a record. `around.contents` holds the bytes of `wanted_outputs`."""
    record = stored.record
    code = (stored.code or "").strip("\n")
    is_note = record.kind == "note"
    return RecordPage(
        id=record.id,
        kind=record.kind,
        icon=kind_icon(record.kind),
        kind_label=kind_label(record.kind),
        title=plain_title(record.title, record.kind),
        headline=_headline(record, code),
        status=record.status,
        at=record.started,
        seconds=record.seconds,
        author=person_name(record.author),
        program=program_name(record.actor),
        source=source_of(record, links, at=record.id),
        prompt=record.kind in ("command", "run"),
        code=_code(code, record),
        shown=() if is_note else show_outputs(record.outputs, around.contents, _addresses(record.id, links)),
        failure=_failure(stored.error),
        note=render_markdown(stored.text or record.title, level=3) if is_note else None,
        files=_files(record, links),
        facts=_facts(record, around, links),
        notes=tuple(_note(note, links) for note in around.notes),
        continues=_continues(record, around, links),
        continued_by=tuple(_link(neighbour, links) for neighbour in around.continued_by),
        newer=_link(around.newer, links) if around.newer else None,
        older=_link(around.older, links) if around.older else None,
        feed=f"{links.activity()}#{record.id}",
        note_address=links.note(record.id),
        rollback=None if around.current else _rollback(record, links),
        branch=_branch(record, links),
        files_then=links.files(at=record.id),
        downloads=links.outputs_archive(record.id) if record.outputs else None,
    )


def _headline(record: Record, code: str) -> str:
    """Name the record by its first comment, else by where it stands: the code itself is shown below."""
    if not code:
        return plain_title(record.title, record.kind)
    comment = comment_of(record.kind, code)
    if comment:
        return comment
    number = f" {record.execution_count}" if record.execution_count is not None else ""
    path = (record.source or "").partition("#")[0]
    place = f" of {path.rsplit('/', 1)[-1]}" if path else ""
    return f"{_NAMES.get(record.kind, kind_label(record.kind))}{number}{place}"


def _code(code: str, record: Record) -> CodeBlock | None:
    if not code:
        return None
    language = code_language(record.kind, record.language)
    return CodeBlock(highlight(code, language), language)


def _failure(error: str | None) -> Failure | None:
    text = (error or "").strip("\n")
    if not text:
        return None
    lines = strip_ansi(text).split("\n")
    summary = next((line.strip() for line in reversed(lines) if line.strip()), "It failed.")
    return Failure(shorten(summary, 500), ansi_to_html(text), len(lines))


def _files(record: Record, links: Links) -> tuple[FileLine, ...]:
    return (
        *(_file("read", file, record.id, links) for file in record.reads),
        *(_file("write", file, record.id, links) for file in record.writes),
        *(FileLine("deleted", path, None, None, None, None, ()) for path in record.deletes),
    )


def _why_not_held(file: FileRef) -> str:
    if file.open:
        return "still open for writing when this ended: what it held then is with a later record"
    if file.bytes is None:
        return "changed again before it was read: what it held then is not known"
    return "git does not hold it: it is too large, is ignored, or holds a secret"


def _file(role: Role, file: FileRef, record: str, links: Links) -> FileLine:
    reachable = file.held and not file.external
    notes = (
        "outside the project" if file.external else "",
        _why_not_held(file) if not file.held else "",
        "perhaps another program's" if file.candidate else "",
    )
    return FileLine(
        role=role,
        path=file.path,
        href=links.files(file.path, at=record) if reachable else None,
        raw=links.raw(file.path, at=record, download=True) if reachable else None,
        bytes=file.bytes,
        digest=file.digest,
        notes=tuple(note for note in notes if note),
    )


def _facts(record: Record, around: Surroundings, links: Links) -> tuple[Fact, ...]:
    used = record.detail.get("resources")
    resources = used if isinstance(used, Mapping) else {}
    environment, commit = record.environment, around.commit
    facts = (
        _fact("With", tool_label(record.tool)),
        _fact("Language", record.language),
        _fact("On", {"local": "this machine"}.get(record.engine or "", record.engine)),
        _fact("Exit code", record.exit_code),
        _fact("Processor time", _number(resources.get("cpu_seconds"), duration)),
        _fact("Memory at most", _number(resources.get("max_rss_bytes"), lambda size: filesize(int(size)))),
        Fact("Environment", environment[:10], links.environment, True, environment) if environment else None,
        _fact("Branch" if len(around.branches) == 1 else "Branches", ", ".join(around.branches)),
        Fact("Commit", commit[:10], links.files(at=commit), True, commit) if commit else None,
        Fact("Record", record.id, code=True, copy=record.id),
        _fact("Files seen", _SEEN_BY.get(record.files_by or "")),
    )
    return tuple(fact for fact in facts if fact is not None)


def _fact(label: str, value: object) -> Fact | None:
    return None if value is None or value == "" else Fact(label, str(value))


def _number(value: object, words: Callable[[float], str]) -> str | None:
    return words(value) if isinstance(value, int | float) else None


def _note(note: WrittenNote, links: Links) -> NoteLine:
    program = program_name(note.actor)
    author = program or person_name(note.author)
    return NoteLine(
        render_markdown(note.text, level=4), author, note.at, program is not None, links.record(note.id)
    )


def _link(neighbour: Neighbour, links: Links) -> Link:
    return Link(neighbour.title, links.record(neighbour.id))


def _continues(record: Record, around: Surroundings, links: Links) -> Link | None:
    if around.continues is not None:
        return _link(around.continues, links)
    return Link("an earlier record", links.record(record.continues)) if record.continues else None


def _rollback(record: Record, links: Links) -> Action:
    return Action(
        links.rollback(record.id),
        "Go back to here",
        (
            "The project's files and environment become what they were right after this.",
            "What came later stays on the trail, and going back is a record itself: you can return.",
            "Files that git does not hold are left as they are.",
        ),
    )


def _branch(record: Record, links: Links) -> Action:
    return Action(
        links.branch_from(record.id),
        "Branch from here",
        ("A new line of work begins with the project as it was right after this. Nothing else changes.",),
    )


def _addresses(record: str, links: Links) -> Addresses:
    return Addresses(
        raw=lambda number: links.output(record, number),
        frame=lambda number: links.output_frame(record, number),
        download=lambda number: links.output(record, number, download=True),
    )
