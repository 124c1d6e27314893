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
from trailmark.projects.files import OpenedFile
from trailmark.web.files.reading import opened
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
    file = opened(project, find_moment(project, at), path)
    name = path.rpartition("/")[2]
    tag = _tag(path, file, at)
    if request.headers.get("if-none-match") == tag:
        file.stream.close()
        return Response(status_code=304, headers={"ETag": tag})
    headers = isolated_headers(mime_of(path), download=name if download else None)
    headers |= {"Content-Length": str(file.bytes), "ETag": tag}
    return StreamingResponse(_pieces(file.stream, file.bytes), headers=headers)


@router.get("/frame/{path:path}")
def frame(project: OpenProject, path: str, at: str | None = None, output: int | None = None) -> Response:
    """Send a file, or a notebook's numbered output, as a document for a sandboxed frame."""
    file = opened(project, find_moment(project, at), path)
    with file.stream as stream:
        if file.bytes > _LARGEST_FRAME:
            raise NotFound(f"{path} is too large to be shown here. Download it instead.")
        data = stream.read()
    mime = mime_of(path)
    if output is not None:
        found = read_output(data, output)
        if found is None:
            raise NotFound(f"{path} has no output {output} any more. Reload the page.")
        mime, data = found.ref.mime, found.data
    return Response(render_document(mime, data), headers=isolated_headers("text/html"))


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield exactly as many bytes as were announced: a file that grows meanwhile is cut."""
    with stream:
        while size > 0 and (piece := stream.read(min(_CHUNK, size))):
            size -= len(piece)
            yield piece


def _tag(path: str, file: OpenedFile, at: str | None) -> str:
    facts = f"{path}\0{file.bytes}\0{file.modified}\0{at}"
    return f'"{hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'
