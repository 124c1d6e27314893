"""Routes of bytes: files as they are, isolated from our pages, or as downloads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from trailmark.errors import NotFound
from trailmark.pages.files import mime_of
from trailmark.pages.isolate import isolated_headers, render_document
from trailmark.pages.notebook import read_output
from trailmark.projects.project import Project
from trailmark.web.files.source import Item, Now, Source, Then
from trailmark.web.moment import find_moment
from trailmark.web.opening import OpenProject

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}")
_CHUNK = 256 * 1024
_LARGEST_FRAME = 50 * 1024 * 1024


@router.get("/raw/{path:path}")
def raw(
    request: Request, project: OpenProject, path: str, at: str | None = None, download: int = 0
) -> Response:
    """Send a file's bytes, under headers that keep it from reaching anything of ours."""
    item, stream = _open(source_of(project, at), path)
    headers = isolated_headers(mime_of(path), download=item.name if download else None)
    headers["Content-Length"] = str(item.bytes)
    tag = _tag(item, at)
    if request.headers.get("if-none-match") == tag:
        stream.close()
        return Response(status_code=304, headers={"ETag": tag})
    return StreamingResponse(_pieces(stream, item.bytes or 0), headers={**headers, "ETag": tag})


@router.get("/frame/{path:path}")
def frame(project: OpenProject, path: str, at: str | None = None, output: int | None = None) -> Response:
    """Send a file, or a notebook's numbered output, as a document for a sandboxed frame."""
    item, stream = _open(source_of(project, at), path)
    with stream:
        if (item.bytes or 0) > _LARGEST_FRAME:
            raise NotFound(f"{item.name} is too large to be shown here. Download it instead.")
        data = stream.read()
    mime = mime_of(path)
    if output is not None:
        found = read_output(data, output)
        if found is None:
            raise NotFound(f"{item.name} has no output {output} any more. Reload the page.")
        mime, data = found.ref.mime, found.data
    return Response(render_document(mime, data), headers=isolated_headers("text/html"))


def source_of(project: Project, at: str | None) -> Source:
    """Return where files are read from: the folder as it is, or a commit. Raises NotFound."""
    moment = find_moment(project, at)
    return Now(project.path) if moment is None else Then(project.repository, moment.commit)


def _open(source: Source, path: str) -> tuple[Item, BinaryIO]:
    item = source.find(path)
    if item is None or item.kind != "file":
        raise NotFound(f"There is no file {path} here. It may have been renamed or deleted.")
    return item, source.open(path)


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield exactly as many bytes as were announced: a file that grows meanwhile is cut."""
    with stream:
        while size > 0 and (piece := stream.read(min(_CHUNK, size))):
            size -= len(piece)
            yield piece


def _tag(item: Item, at: str | None) -> str:
    facts = f"{item.path}\0{item.bytes}\0{item.changed}\0{at}"
    return f'"{hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'
