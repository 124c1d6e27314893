"""Routes of one record: the page, its outputs, and what can be done from it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from trailmark.activity import OutputRef, StoredRecord, load, read_output
from trailmark.errors import NotFound, TrailmarkError
from trailmark.pages.isolate import isolated_headers, render_document
from trailmark.pages.links import Links
from trailmark.pages.record import EMPTY, Typed, build_record
from trailmark.projects.branches import new_branch
from trailmark.projects.note import add_note
from trailmark.projects.project import Project
from trailmark.projects.rollback import go_back
from trailmark.sessions.notify import with_open_sessions
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.failures import status_of
from trailmark.web.masthead import open_tools, project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.record.around import surroundings_of
from trailmark.web.site import Here, Site, see_other
from trailmark.web.trail import index_with

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/activity/{record_id}")
_FOREVER = "private, max-age=31536000, immutable"
_WENT_BACK = "The project went back to an earlier state. Restart the kernel to match it."


@router.get("")
def record(request: Request, site: Here, project: OpenProject, record_id: str) -> Response:
    """Show a record in full; the beginning of an id leads to it."""
    return _page(request, site, project, record_id)


@router.get("/outputs/{number}")
def output(project: OpenProject, record_id: str, number: int, download: int = 0) -> Response:
    """Send an output's bytes, under headers that keep it from reaching anything of ours."""
    stored, found = _output(project, record_id, number)
    data = read_output(project.repository, stored.tree, found)
    name = found.file.rpartition("/")[2] if download else None
    headers = isolated_headers(found.mime, download=name)
    return Response(data, headers={**headers, "Cache-Control": _FOREVER, "ETag": f'"{found.digest[:32]}"'})


@router.get("/outputs/{number}/frame")
def output_frame(project: OpenProject, record_id: str, number: int) -> Response:
    """Send an output as a document for a sandboxed frame."""
    stored, found = _output(project, record_id, number)
    data = read_output(project.repository, stored.tree, found)
    return Response(
        render_document(found.mime, data),
        headers={**isolated_headers("text/html"), "Cache-Control": _FOREVER},
    )


@router.get("/outputs.zip")
def outputs_archive(project: OpenProject, record_id: str) -> Response:
    """Send all outputs of a record, with its code, as one archive."""
    stored = load(project.repository, record_id)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in (("code", stored.code), ("error", stored.error)):
            if text:
                archive.writestr(f"{record_id}/{name}.txt", text)
        for found in stored.record.outputs:
            name = found.file.rpartition("/")[2]
            archive.writestr(f"{record_id}/{name}", read_output(project.repository, stored.tree, found))
    headers = isolated_headers("application/zip", download=f"{record_id}.zip")
    return Response(packed.getvalue(), headers=headers)


@router.post("/note")
def note(
    request: Request, site: Here, project: OpenProject, record_id: str, text: Annotated[str, Form()] = ""
) -> Response:
    """Write a note about the record; what was typed stays when it is refused."""
    try:
        add_note(project, text, about=record_id)
    except TrailmarkError as error:
        return _page(request, site, project, record_id, status_of(error), new_note=Typed(text, str(error)))
    here = Links.of(project.owner, project.name).record(record_id)
    return see_other(f"{here}#notes", "The note is on the trail.")


@router.post("/rollback")
def rollback(
    request: Request, site: Here, project: OpenProject, record_id: str, sure: Annotated[str, Form()] = ""
) -> Response:
    """Go back to the state right after the record; asks first while a session is open."""
    links = Links.of(project.owner, project.name)
    running = open_tools(site, project)
    if running and not sure:
        return confirm(
            request,
            site,
            project,
            Confirmation(
                title=f"Go back while {running} is open?",
                explains=(
                    "What is open there is saved and recorded first, so nothing is lost.",
                    "Then the files become what they were, and open documents are read again.",
                    "Kernels keep what they have in memory until you restart them; JupyterLab will offer it.",
                ),
                action=links.rollback(record_id),
                label="Go back",
                back=links.record(record_id),
                tab="activity",
            ),
        )
    altered, _ = with_open_sessions(
        project, site.services.engine, site.services.uv, _WENT_BACK, lambda: go_back(project, record_id)
    )
    told = "The project is as it was then. Going back is a record too: you can return."
    if altered.restored.set_aside:
        told += " Files that were in the way are kept aside; the newest record says where."
    return see_other(links.activity(), told)


@router.post("/branch")
def branch(
    request: Request,
    site: Here,
    project: OpenProject,
    record_id: str,
    wanted: Annotated[str, Form(alias="name")] = "",
) -> Response:
    """Begin a branch at the state right after the record; what was typed stays when it is refused."""
    try:
        new_branch(project, wanted.strip(), start=record_id)
    except TrailmarkError as error:
        return _page(
            request, site, project, record_id, status_of(error), new_branch=Typed(wanted, str(error))
        )
    told = f"The branch {wanted.strip()} begins there. Switch to it whenever you like."
    return see_other(Links.of(project.owner, project.name).branches, told)


def _page(
    request: Request,
    site: Site,
    project: Project,
    record_id: str,
    status: int = 200,
    *,
    new_note: Typed = EMPTY,
    new_branch: Typed = EMPTY,
) -> Response:
    """Show a record, with what stands in its two forms."""
    links = Links.of(project.owner, project.name)
    with index_with(project, site.reading, record_id) as index:
        whole = index.resolve(record_id)
        if whole != record_id:
            return RedirectResponse(links.record(whole), status_code=303)
        row = index.row(whole)
        if not row.is_record:
            return RedirectResponse(links.files(at=whole), status_code=303)
        stored = load(project.repository, whole)
        around = surroundings_of(project, index, stored)
    page = build_record(stored, around, links)
    return site.page(
        request,
        "record/page.html",
        status=status,
        frame=project_frame(site, request, project, "activity"),
        page=replace(page, new_note=new_note, new_branch=new_branch),
    )


def _output(project: Project, record_id: str, number: int) -> tuple[StoredRecord, OutputRef]:
    stored = load(project.repository, record_id)
    if not 0 <= number < len(stored.record.outputs):
        raise NotFound(f"This record has {len(stored.record.outputs)} outputs, and none of number {number}.")
    return stored, stored.record.outputs[number]
