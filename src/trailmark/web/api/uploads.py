"""Uploads in pieces: begin, add a piece, finish. An interrupted one goes on where it stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from trailmark.errors import InvalidInput
from trailmark.projects.file_changes import put_files
from trailmark.projects.paths import check_new_path
from trailmark.web.opening import OpenProject
from trailmark.web.uploads import PIECE_BYTES, Upload, Uploads

router = APIRouter(prefix="/projects/{owner}/{name}/uploads", tags=["uploads"])


class NewUpload(BaseModel):
    """A file that is about to be sent. `stamp` tells files of the same name and size apart."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    size: Annotated[int, Field(ge=0)]
    stamp: Annotated[str, Field(max_length=100)] = ""


class UploadState(BaseModel):
    """How much of a file has arrived; the next piece begins at `offset`."""

    id: str
    path: str
    size: int
    offset: int


class Finish(BaseModel):
    """The uploads that are whole, to be put in their places."""

    uploads: Annotated[list[str], Field(max_length=10_000)]


class Finished(BaseModel):
    """The files that are in the project now, and the record of it."""

    paths: list[str]
    records: list[str]


@router.post("")
def begin(project: OpenProject, wanted: NewUpload) -> UploadState:
    """Begin an upload, or go on with one that was interrupted."""
    check_new_path(wanted.path)
    return _state(Uploads(project.state).begin(wanted.path, wanted.size, wanted.stamp))


@router.get("/{upload_id}")
def state(project: OpenProject, upload_id: str) -> UploadState:
    """Say how much of a file has arrived."""
    return _state(Uploads(project.state).get(upload_id))


@router.put("/{upload_id}")
async def add(
    request: Request, project: OpenProject, upload_id: str, offset: Annotated[int, Query(ge=0)]
) -> UploadState:
    """Add a piece of at most 8 MiB, sent as the body; 409 with the right `offset` when it does not follow."""
    piece = bytearray()
    async for part in request.stream():
        piece += part
        if len(piece) > PIECE_BYTES:
            raise InvalidInput(f"A piece holds at most {PIECE_BYTES:,} bytes.")
    upload = await run_in_threadpool(Uploads(project.state).add, upload_id, offset, bytes(piece))
    return _state(upload)


@router.delete("/{upload_id}", status_code=204)
def give_up(project: OpenProject, upload_id: str) -> None:
    """Forget an upload."""
    uploads = Uploads(project.state)
    uploads.get(upload_id)
    uploads.forget(upload_id)


@router.post("/finish")
def finish(project: OpenProject, finished: Finish) -> Finished:
    """Put whole uploads in their places, all with one record; a file that is there is replaced."""
    uploads = Uploads(project.state)
    whole = [uploads.get(upload_id) for upload_id in finished.uploads]
    missing = next((upload for upload in whole if not upload.is_whole), None)
    if missing is not None:
        raise InvalidInput(
            f"Of {missing.path} only {missing.offset:,} of {missing.size:,} bytes have arrived."
        )
    if not whole:
        return Finished(paths=[], records=[])
    files = {upload.path: uploads.file_of(upload.id) for upload in whole}
    recorded = put_files(project, files, replace=True)
    for upload in whole:
        uploads.forget(upload.id)
    return Finished(paths=[upload.path for upload in whole], records=[str(recorded.id)])


def _state(upload: Upload) -> UploadState:
    return UploadState(id=upload.id, path=upload.path, size=upload.size, offset=upload.offset)
