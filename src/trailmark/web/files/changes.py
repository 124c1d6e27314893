"""Routes that change a project's files. Each change is a record; what is deleted stays in the history."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, UploadFile
from starlette.responses import HTMLResponse, Response

from trailmark.errors import AlreadyExists, InvalidInput
from trailmark.pages.links import Links
from trailmark.pages.wording import count
from trailmark.projects.file_changes import delete, make_folder, move, put_files
from trailmark.projects.project import Project
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.masthead import project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/change")
_COPY_BYTES = 1024 * 1024
Chosen = Annotated[list[str], Query(alias="path")]


@router.post("/folder")
def new_folder(
    project: OpenProject, folder: Annotated[str, Form()], within: Annotated[str, Form()] = ""
) -> Response:
    """Make a folder."""
    path = f"{within}/{folder.strip()}" if within else folder.strip()
    make_folder(project, path)
    return see_other(_links(project).files(path), f"{path} is made.")


@router.get("/move")
def ask_where(request: Request, site: Here, project: OpenProject, chosen: Chosen) -> HTMLResponse:
    """Ask for a new name of one file, or for a folder to move several into."""
    return _move_form(request, site, project, chosen)


@router.post("/move")
def move_files(
    request: Request,
    site: Here,
    project: OpenProject,
    chosen: Annotated[list[str], Form(alias="path")],
    to: Annotated[str, Form()],
) -> Response:
    """Give one file or folder a new path, or put several into a folder."""
    target = to.strip().strip("/")
    try:
        if len(chosen) == 1:
            move(project, chosen[0], target)
        else:
            for path in chosen:
                move(project, path, f"{target}/{_name(path)}" if target else _name(path))
    except (AlreadyExists, InvalidInput) as error:
        return _move_form(request, site, project, chosen, to=to, error=str(error), status=422)
    folder = _parent(target) if len(chosen) == 1 else target
    return see_other(_links(project).files(folder), f"{_named(chosen)} moved to {target or 'the top'}.")


@router.get("/delete")
def ask_delete(request: Request, site: Here, project: OpenProject, chosen: Chosen) -> HTMLResponse:
    """Ask whether these files are meant."""
    links = _links(project)
    question = Confirmation(
        title=f"Delete {_named(chosen)}?",
        explains=(
            *(chosen[:8] if len(chosen) > 1 else ()),
            *((f"and {len(chosen) - 8} more",) if len(chosen) > 8 else ()),
            "What the trail holds can be had back at any time: open the record before, and look at its files.",
            "Files that git does not hold are set aside in Trailmark’s home, not destroyed.",
        ),
        action=f"{links.base}/change/delete",
        label="Delete",
        back=links.files(_parent(chosen[0])),
        fields=tuple(("path", path) for path in chosen),
        danger=True,
        tab="files",
    )
    return confirm(request, site, project, question)


@router.post("/delete")
def delete_files(project: OpenProject, chosen: Annotated[list[str], Form(alias="path")]) -> Response:
    """Delete files and folders."""
    kept = [deleted.kept for deleted in (delete(project, one) for one in chosen) if deleted.kept]
    told = f"{_named(chosen)} deleted."
    if kept:
        told += f" What git does not hold was set aside in {kept[0].parent}."
    return see_other(_links(project).files(_parent(chosen[0])), told)


@router.post("/upload")
def upload(
    site: Here, project: OpenProject, files: list[UploadFile], folder: Annotated[str, Query()] = ""
) -> Response:
    """Take in files from a plain form; with script, pages send them in pieces instead."""
    chosen = [file for file in files if file.filename]
    project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=project.state) as arrived:
        sources: dict[str, Path] = {}
        for number, file in enumerate(chosen):
            name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
            source = Path(arrived, str(number))
            with source.open("xb") as target:
                shutil.copyfileobj(file.file, target, _COPY_BYTES)
            sources[f"{folder}/{name}" if folder else name] = source
        if sources:
            put_files(project, sources, replace=True)
    told = f"{count(len(chosen), 'file')} uploaded." if chosen else "No file was chosen."
    return see_other(_links(project).files(folder), told)


def _move_form(
    request: Request,
    site: Site,
    project: Project,
    chosen: list[str],
    *,
    to: str | None = None,
    error: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    if not chosen:
        raise InvalidInput("Nothing was chosen, and nothing was moved.")
    return site.page(
        request,
        "files/move.html",
        status=status,
        frame=project_frame(site, request, project, "files"),
        links=_links(project),
        chosen=chosen,
        named=_named(chosen),
        to=to if to is not None else (chosen[0] if len(chosen) == 1 else _parent(chosen[0])),
        back=_links(project).files(_parent(chosen[0])),
        error=error,
    )


def _links(project: Project) -> Links:
    return Links.of(project.owner, project.name)


def _named(chosen: list[str]) -> str:
    return chosen[0] if len(chosen) == 1 else count(len(chosen), "file or folder", "files and folders")


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
