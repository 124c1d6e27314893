"""The trail as JSON: the same facts and names as `trailmark log --json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from pydantic import BaseModel, Field

from trailmark.activity import FileRef, load
from trailmark.activity.index import Row
from trailmark.pages.feed import Filters
from trailmark.projects.branches import list_branches
from trailmark.projects.branches_of import branches_of
from trailmark.projects.note import add_note
from trailmark.web.opening import OpenProject
from trailmark.web.trail import filter_of, fresh_index

router = APIRouter(prefix="/projects/{owner}/{name}", tags=["records"])


class FileUse(BaseModel):
    """A file that an action read or wrote. `digest` is the SHA-256 of its content, null when unknown."""

    path: str
    digest: str | None
    bytes: int | None
    external: bool


class OutputFacts(BaseModel):
    """One output; its bytes are at `…/activity/{record}/outputs/{number}`."""

    mime: str
    bytes: int
    digest: str


class RecordLine(BaseModel):
    """One record in a list. Times are seconds since the epoch; `seconds` is how long it took.

    `branches` are those that hold it, the current one first; of many branches, the first twenty are looked at.
    """

    id: str
    kind: str
    title: str
    status: str
    started: float
    seconds: float
    author: str
    actor: str
    tool: str | None
    engine: str | None
    environment: str | None
    commit: str | None
    branches: list[str]
    source: str | None
    continues: str | None
    reads: list[FileUse]
    writes: list[FileUse]
    deletes: list[str]
    outputs: list[OutputFacts]


class WholeRecord(RecordLine):
    """One record with its texts."""

    code: str | None
    text: str | None
    error: str | None
    detail: dict[str, Any]


class NewNote(BaseModel):
    """A note in Markdown, on its own or about a record."""

    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    about: str | None = None


class Noted(BaseModel):
    """The record of a note."""

    id: str


class BranchLine(BaseModel):
    """A branch; `ahead` and `behind` count commits against the current one."""

    name: str
    current: bool
    commit: str
    ahead: int
    behind: int


@router.get("/records")
def records(
    request: Request,
    project: OpenProject,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    search: str | None = None,
    kind: str | None = None,
    tool: str | None = None,
    notebook: str | None = None,
    file: str | None = None,
    record_status: Annotated[str | None, Query(alias="status")] = None,
    person: str | None = None,
    actor: str | None = None,
    since: str | None = None,
    until: str | None = None,
    branch: str | None = None,
) -> list[RecordLine]:
    """List records, newest first; days (`since`, `until`) are ISO dates, both included."""
    wanted = filter_of(Filters.parse(request.query_params))
    with fresh_index(project) as index:
        rows = index.page(wanted, before=before, limit=limit)
        branches = branches_of(project.repository, index, rows, wanted)
    return [_line(row, branches[row.id]) for row in rows]


@router.get("/records/{record_id}")
def record(project: OpenProject, record_id: str) -> WholeRecord:
    """Describe one record; the beginning of an id is enough."""
    with fresh_index(project) as index:
        row = index.row(index.resolve(record_id))
        branches = branches_of(project.repository, index, [row])[row.id]
    stored = load(project.repository, row.id)
    return WholeRecord(
        **_line(row, branches).model_dump(),
        code=stored.code,
        text=stored.text,
        error=stored.error,
        detail=dict(row.detail),
    )


@router.post("/notes", status_code=status.HTTP_201_CREATED)
def note(project: OpenProject, wanted: NewNote) -> Noted:
    """Write a note."""
    return Noted(id=add_note(project, wanted.text, about=wanted.about).id)


@router.get("/branches")
def branches(project: OpenProject) -> list[BranchLine]:
    """List the branches, the current one first."""
    return [
        BranchLine(
            name=branch.name,
            current=branch.is_current,
            commit=branch.commit,
            ahead=branch.ahead,
            behind=branch.behind,
        )
        for branch in list_branches(project)
    ]


def _line(row: Row, branches: Sequence[str]) -> RecordLine:
    return RecordLine(
        id=row.id,
        kind=row.kind,
        title=row.title,
        status=row.status,
        started=row.started,
        seconds=row.seconds,
        author=row.author,
        actor=row.actor,
        tool=row.tool,
        engine=row.engine,
        environment=row.environment,
        commit=row.commit,
        branches=list(branches),
        source=row.source,
        continues=row.continues,
        reads=[_use(file) for file in row.reads],
        writes=[_use(file) for file in row.writes],
        deletes=list(row.deletes),
        outputs=[OutputFacts(mime=o.mime, bytes=o.bytes, digest=o.digest) for o in row.outputs],
    )


def _use(file: FileRef) -> FileUse:
    return FileUse(path=file.path, digest=file.digest, bytes=file.bytes, external=file.external)
