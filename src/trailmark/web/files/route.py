"""Routes of folders and of a file's preview."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from trailmark.activity.index import Row
from trailmark.pages.files import build_preview, wanted_bytes
from trailmark.pages.links import Links
from trailmark.projects.project import Project
from trailmark.web.files import changes, raw
from trailmark.web.files.reading import get_row, opened, rows_in
from trailmark.web.files.view import Place, build_lines, build_place
from trailmark.web.masthead import project_frame
from trailmark.web.moment import Moment, find_moment
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site
from trailmark.web.trail import fresh_index

router = APIRouter(include_in_schema=False)
router.include_router(raw.router)
router.include_router(changes.router)
_READERS = 5


@router.get("/p/{owner}/{name}/files")
@router.get("/p/{owner}/{name}/files/{path:path}")
def files(
    request: Request, site: Here, project: OpenProject, path: str = "", at: str | None = None
) -> HTMLResponse:
    """Show a folder, or a file's preview, now or as it was."""
    path = path.strip("/")
    moment = find_moment(project, at)
    row = get_row(project, moment, path)
    links = Links.of(project.owner, project.name)
    words = f"right after “{moment.title}”" if moment else None
    place = build_place(project.name, path, links, at=at or None, at_words=words)
    show = _folder if row.is_folder else _file
    return show(request, site, project, moment, place)


def _folder(
    request: Request, site: Site, project: Project, moment: Moment | None, place: Place
) -> HTMLResponse:
    links, limit = Links.of(project.owner, project.name), project.max_file_bytes()
    return site.page(
        request,
        "files/folder.html",
        frame=project_frame(site, request, project, "files"),
        place=place,
        lines=build_lines(rows_in(project, moment, place.path), links, at=place.at, limit=limit),
        links=links,
        limit=limit,
    )


def _file(
    request: Request, site: Site, project: Project, moment: Moment | None, place: Place
) -> HTMLResponse:
    links = Links.of(project.owner, project.name)
    file = opened(project, moment, place.path)
    with file.stream as stream:
        head = stream.read(wanted_bytes(place.path, file.bytes))
    writer, readers = _story(project, place.path) if moment is None else (None, [])
    return site.page(
        request,
        "files/file.html",
        frame=project_frame(site, request, project, "files"),
        place=place,
        changed=None if moment else file.modified,
        links=links,
        preview=build_preview(place.path, file.bytes, head, links, at=place.at),
        path=place.path,
        size=file.bytes,
        digest=None,
        writer=writer,
        readers=readers,
        download=links.raw(place.path, at=place.at, download=True),
    )


def _story(project: Project, path: str) -> tuple[Row | None, list[Row]]:
    """Return the record that wrote the file last, and the newest that read it."""
    with fresh_index(project) as index:
        return index.find_writer(path), index.readers(path, limit=_READERS)
