"""Routes of an export: writing the file, and fetching it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from trailmark.errors import NotFound
from trailmark.pages.isolate import isolated_headers
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.export import export_project
from trailmark.settings import Settings
from trailmark.web.carried_out import carry_out
from trailmark.web.opening import OpenProject, find_project
from trailmark.web.site import Here
from trailmark_capture.journal import new_id

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/export")
_KEPT_SECONDS = 24 * 3600.0


@router.post("")
def export(site: Here, project: OpenProject) -> Response:
    """Write the project to one file in the background, and offer it."""
    owner, name, settings = project.owner, project.name, site.services.settings
    export_id = new_id()
    links = Links.of(owner, name)

    def work(progress: Progress) -> str:
        folder = _folder(settings) / export_id
        _drop_old(settings)
        folder.mkdir(parents=True, mode=0o700)
        exported = export_project(find_project(settings, owner, name), folder, progress)
        for missing in exported.not_held:
            progress.log(f"Not in the file, because git does not hold it: {missing.path}")
        return f"{links.base}/export/{export_id}"

    told = f"{name} is exported."
    return carry_out(
        site, f"Exporting {name}", work, told=told, back=links.settings, project=f"{owner}/{name}"
    )


@router.get("/{export_id}")
def download(site: Here, project: OpenProject, export_id: str) -> FileResponse:
    """Send an exported file. Raises NotFound when it is gone."""
    found = _find(site.services.settings, export_id)
    headers = isolated_headers("application/octet-stream", download=found.name)
    return FileResponse(found, headers=headers)


def _find(settings: Settings, export_id: str) -> Path:
    for folder in _folder(settings).glob("*"):
        if folder.name == export_id:
            for path in folder.iterdir():
                if not path.name.startswith("."):
                    return path
    raise NotFound("This export is gone; exports are kept for a day. Export the project again.")


def _folder(settings: Settings) -> Path:
    return settings.home / "exports"


def _drop_old(settings: Settings) -> None:
    for folder in _folder(settings).glob("*"):
        if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
