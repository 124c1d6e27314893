"""The files of a project as JSON."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from trailmark.projects.files import FileRow
from trailmark.web.files.reading import rows_in
from trailmark.web.moment import find_moment
from trailmark.web.opening import OpenProject

router = APIRouter(prefix="/projects/{owner}/{name}/files", tags=["files"])


class FileLine(BaseModel):
    """A file or folder. `held` says whether git holds it; `modified` is null for what was."""

    path: str
    folder: bool
    bytes: int | None
    modified: float | None
    held: bool
    ignored: bool
    link: str | None


@router.get("")
def files(project: OpenProject, path: str = "", at: str | None = None) -> list[FileLine]:
    """List a folder, now or at a record or commit (`at`), folders first."""
    moment = find_moment(project, at)
    return [_line(row) for row in rows_in(project, moment, path.strip("/"))]


def _line(row: FileRow) -> FileLine:
    return FileLine(
        path=row.path,
        folder=row.is_folder,
        bytes=row.bytes,
        modified=row.modified,
        held=row.held,
        ignored=row.ignored,
        link=row.link,
    )
