"""Routes of an import: naming the source, looking at what it would make, and making it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from starlette.responses import HTMLResponse, Response

from trailmark.environments.model import PYTHON, EnvironmentRequest
from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.git.address import PrivateAddress
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.importing import Help, ImportPlan, apply_import, discard_import, plan_import
from trailmark.projects.new import place_for
from trailmark.web.carried_out import carry_out
from trailmark.web.site import Here, Site, see_other
from trailmark.web.trail import fresh_index

router = APIRouter(include_in_schema=False, prefix="/import")
_PATIENCE_SECONDS = 1.5
_PRIVATE = "This address leads into a private network. Import from it if you know the host."


@router.get("")
def ask(request: Request, site: Here) -> HTMLResponse:
    """Ask what is to be imported."""
    return _form(request, site)


@router.post("")
def look(
    request: Request,
    site: Here,
    source: Annotated[str, Form()] = "",
    private: Annotated[str, Form()] = "",
    file: UploadFile | None = None,
) -> Response:
    """Fetch the source into a private folder and look at it, in the background."""
    text = source.strip()
    received = _received(site, file) if file is not None and file.filename else None
    if received is not None:
        text = str(received)
    if not text:
        return _form(request, site, error="Name a folder or an address, or choose an exported file.")
    settings, imports = site.services.settings, site.imports

    def work(progress: Progress) -> str:
        try:
            plan = plan_import(
                text,
                settings,
                progress,
                here=Path.home(),
                allow_private=bool(private),
                help_with=Help(site.services.uv),
            )
        except PrivateAddress as error:
            raise InvalidInput(f"{error} {_PRIVATE}") from error
        finally:
            if received is not None:
                shutil.rmtree(received.parent, ignore_errors=True)
        imports[plan.id] = plan
        return f"/import/{plan.id}"

    job = site.jobs.start("Looking at what is to be imported", work)
    job = site.jobs.wait(job.id, _PATIENCE_SECONDS)
    if job.is_open:
        return see_other(f"/import/looking/{job.id}")
    return _found(request, site, job.id, text)


@router.get("/looking/{job_id}")
def looking(request: Request, site: Here, job_id: str) -> Response:
    """Show how far the look is, and go on when it is over."""
    job = site.jobs.get(job_id)
    if not job.is_open:
        return _found(request, site, job_id, "")
    return site.page(request, "importing/looking.html", job=job)


@router.get("/{plan_id}")
def plan(request: Request, site: Here, plan_id: str) -> HTMLResponse:
    """Show what the import would make."""
    return _plan(request, site, _get(site, plan_id))


@router.post("/{plan_id}")
def make(
    request: Request,
    site: Here,
    plan_id: str,
    new_name: Annotated[str, Form()],
    description: Annotated[str, Form()] = "",
    packages: Annotated[str, Form()] = "",
    python: Annotated[str, Form()] = PYTHON,
) -> Response:
    """Make the project, as it was confirmed."""
    planned, settings = _get(site, plan_id), site.services.settings
    typed = {"new_name": new_name, "description": description, "packages": packages, "python": python}
    try:
        place_for(new_name.strip(), settings)
        lines = filter(None, map(str.strip, packages.splitlines()))
        chosen = EnvironmentRequest(python.strip(), tuple(lines))
    except (AlreadyExists, InvalidInput) as error:
        return _plan(request, site, planned, typed=typed, error=str(error))

    def work(progress: Progress) -> str:
        project = apply_import(
            planned,
            settings,
            progress,
            name=new_name.strip(),
            description=description.strip(),
            request=chosen if planned.request is not None else None,
        )
        site.imports.pop(plan_id, None)
        progress.step("Reading its trail", 0.9)
        with fresh_index(project):
            return Links.of(project.owner, project.name).overview

    told = f"{new_name.strip()} is imported. Nothing in it was run."
    return carry_out(site, f"Importing {new_name.strip()}", work, told=told, back=f"/import/{plan_id}")


@router.post("/{plan_id}/discard")
def discard(site: Here, plan_id: str) -> Response:
    """Throw away what was fetched."""
    planned = site.imports.pop(plan_id, None)
    if planned is not None:
        discard_import(planned)
    return see_other("/", "Nothing was imported.", tone="neutral")


def _found(request: Request, site: Site, job_id: str, text: str) -> Response:
    """Lead to the plan, or back to the form with what went wrong."""
    job = site.jobs.get(job_id)
    site.jobs.dismiss(job_id)
    if job.state == "done" and job.link:
        return see_other(job.link)
    error = job.error or job.message
    return _form(request, site, text=text, error=error, private=_PRIVATE in error, output="\n".join(job.log))


def _received(site: Site, file: UploadFile) -> Path:
    """Keep a chosen file for the look, in a folder of its own."""
    folder = site.services.settings.home / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2] or "project.trailmark"
    path = Path(tempfile.mkdtemp(prefix="received-", dir=folder)) / name
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target, 1024 * 1024)
    return path


def _get(site: Site, plan_id: str) -> ImportPlan:
    try:
        return site.imports[plan_id]
    except KeyError as error:
        raise NotFound("What was fetched for this import is gone. Begin the import again.") from error


def _form(
    request: Request,
    site: Site,
    *,
    text: str = "",
    error: str | None = None,
    private: bool = False,
    output: str = "",
) -> HTMLResponse:
    return site.page(
        request,
        "importing/ask.html",
        status=422 if error else 200,
        text=text,
        error=error,
        private=private,
        output=output,
    )


def _plan(
    request: Request,
    site: Site,
    planned: ImportPlan,
    *,
    typed: dict[str, str] | None = None,
    error: str | None = None,
) -> HTMLResponse:
    wanted = planned.request or EnvironmentRequest()
    values = typed or {
        "new_name": planned.name,
        "description": planned.description,
        "packages": "\n".join(wanted.packages),
        "python": wanted.python,
    }
    return site.page(
        request,
        "importing/plan.html",
        status=422 if error else 200,
        plan=planned,
        values=values,
        error=error,
    )
