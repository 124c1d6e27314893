"""Reading files now or at a moment that was, with the same words for both."""

from __future__ import annotations

from io import BytesIO

from trailmark.errors import NotFound
from trailmark.projects.files import (
    FileRow,
    OpenedFile,
    list_folder,
    list_folder_at,
    open_file,
    read_file_at,
)
from trailmark.projects.project import Project
from trailmark.web.moment import Moment

ROOT = FileRow("", is_folder=True)


def rows_in(project: Project, moment: Moment | None, folder: str) -> list[FileRow]:
    """Return what lies, or lay, in a folder. Raises NotFound."""
    return list_folder(project, folder) if moment is None else list_folder_at(project, moment.commit, folder)


def get_row(project: Project, moment: Moment | None, path: str) -> FileRow:
    """Return the file or folder at a path; the empty path is the project itself. Raises NotFound."""
    if not path:
        return ROOT
    for row in rows_in(project, moment, path.rpartition("/")[0]):
        if row.path == path:
            return row
    raise NotFound(
        f"There {'is' if moment is None else 'was'} nothing at {path}. It may have been renamed or deleted."
    )


def opened(project: Project, moment: Moment | None, path: str) -> OpenedFile:
    """Open a file; the caller closes it. Raises NotFound for what is no ordinary file."""
    if moment is None:
        return open_file(project, path)
    data = read_file_at(project, moment.commit, path)
    return OpenedFile(BytesIO(data), len(data), moment.time)
