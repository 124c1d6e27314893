"""Records as data for programs: the shapes that `trailmark log --json` promises."""

from collections.abc import Sequence
from typing import Any

from trailmark.activity import FileRef, OutputRef
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.activity.store import load_tree
from trailmark.git import Oid
from trailmark.projects.branches_of import branches_of
from trailmark.projects.project import Project

_NO_FILTER = Filter()


def listed(
    project: Project, index: Index, rows: Sequence[Row], wanted: Filter = _NO_FILTER
) -> list[dict[str, Any]]:
    """Return the records of a page of the index, that `wanted` let through, as `log` lists them."""
    branches = branches_of(project.repository, index, rows, wanted)
    return [_summary(row, branches[row.id]) for row in rows]


def _summary(row: Row, branches: Sequence[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "status": row.status,
        "started": row.started,
        "seconds": row.seconds,
        "author": row.author,
        "actor": row.actor,
        "tool": row.tool,
        "engine": row.engine,
        "environment": row.environment,
        "commit": row.commit,
        "branches": list(branches),
        "source": row.source,
        "continues": row.continues,
        "reads": [_file(file) for file in row.reads],
        "writes": [_file(file) for file in row.writes],
        "deletes": list(row.deletes),
        "outputs": [_output(output) for output in row.outputs],
    }


def full(project: Project, index: Index, row: Row) -> dict[str, Any]:
    """Return everything that is known of a record."""
    more = {
        "session": row.session,
        "language": row.language,
        "execution_count": row.execution_count,
        "exit_code": row.exit_code,
        "files_by": row.files_by,
        "device": row.device,
        "tree": row.tree,
        "notes": row.notes,
        "detail": dict(row.detail),
    }
    texts: dict[str, str | None] = {"code": row.code, "text": row.text, "error": row.error}
    if row.tree is not None:
        stored = load_tree(project.repository, Oid(row.tree))
        texts = {"code": stored.code, "text": stored.text, "error": stored.error}
    return listed(project, index, [row])[0] | more | texts


def _file(file: FileRef) -> dict[str, Any]:
    value: dict[str, Any] = {"path": file.path, "digest": file.digest, "bytes": file.bytes}
    flags = {"external": file.external, "candidate": file.candidate, "open": file.open}
    value |= {name: True for name, is_set in flags.items() if is_set}
    return value if file.held else value | {"held": False}


def _output(output: OutputRef) -> dict[str, Any]:
    value: dict[str, Any] = {"mime": output.mime, "bytes": output.bytes, "digest": output.digest}
    value |= {"name": output.name, "group": output.group, "file": output.file}
    if output.truncated:
        value["truncated"] = {"bytes": output.truncated.bytes, "sha256": output.truncated.sha256}
    return value if output.frames is None else value | {"frames": output.frames}
