"""Routes of folders and of a file's preview."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from trailmark.errors import NotFound
from trailmark.pages.files import build_preview, wanted_bytes
from trailmark.pages.links import Links
from trailmark.projects.project import Project
from trailmark.web.files import raw
from trailmark.web.files.source import Item, Now, Source, Then
from trailmark.web.files.view import Place, build_lines, build_place
from trailmark.web.masthead import project_frame
from trailmark.web.moment import find_moment
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site

router = APIRouter(include_in_schema=False)
router.include_router(raw.router)


@router.get("/p/{owner}/{name}/files")
@router.get("/p/{owner}/{name}/files/{path:path}")
def files(
    request: Request, site: Here, project: OpenProject, path: str = "", at: str | None = None
) -> HTMLResponse:
    """Show a folder, or a file's preview, now or as it was."""
    path = path.strip("/")
    moment = find_moment(project, at)
    source: Source = Now(project.path) if moment is None else Then(project.repository, moment.commit)
    item = source.find(path)
    if item is None or item.kind not in ("folder", "file"):
        when = "then" if moment else "now"
        raise NotFound(f"There is nothing at {path} {when}. It may have been renamed or deleted.")
    links = Links.of(project.owner, project.name)
    words = f"right after “{moment.title}”" if moment else None
    place = build_place(project.name, path, links, at=at or None, at_words=words)
    show = _folder if item.kind == "folder" else _file
    return show(request, site, project, source, item, place)


def _folder(
    request: Request, site: Site, project: Project, source: Source, item: Item, place: Place
) -> HTMLResponse:
    links = Links.of(project.owner, project.name)
    limit = project.max_file_bytes() if place.at is None else None
    return site.page(
        request,
        "files/folder.html",
        frame=project_frame(site, request, project, "files"),
        place=place,
        lines=build_lines(source.children(item.path), links, at=place.at, max_bytes=limit),
        links=links,
        limit=project.max_file_bytes(),
    )


def _file(
    request: Request, site: Site, project: Project, source: Source, item: Item, place: Place
) -> HTMLResponse:
    links = Links.of(project.owner, project.name)
    size = item.bytes or 0
    with source.open(item.path) as stream:
        head = stream.read(wanted_bytes(item.path, size))
    return site.page(
        request,
        "files/file.html",
        frame=project_frame(site, request, project, "files"),
        place=place,
        item=item,
        links=links,
        preview=build_preview(item.path, size, head, links, at=place.at),
        path=item.path,
        size=size,
        digest=None,
        download=links.raw(item.path, at=place.at, download=True),
    )
