"""Routes of a project's settings."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import HTMLResponse, Response

from trailmark.errors import AlreadyExists, InvalidInput
from trailmark.pages.links import Links
from trailmark.pages.wording import filesize
from trailmark.progress import Progress
from trailmark.projects.copy import copy_project
from trailmark.projects.delete import delete_project
from trailmark.projects.describe import describe
from trailmark.projects.file_changes import write_file
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.names import check_project_name
from trailmark.projects.new import place_for
from trailmark.projects.project import Project
from trailmark.projects.rename import rename_project
from trailmark.projects.secret_files import keep_secret_file, name_secret_file, secret_files
from trailmark.projects.secrets import known_secrets, set_secret
from trailmark.web.carried_out import carry_out
from trailmark.web.confirm import Confirmation, confirm
from trailmark.web.masthead import manifest_of, open_tools, project_frame
from trailmark.web.opening import OpenProject, find_project
from trailmark.web.site import Here, Site, see_other

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/settings")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_MEGABYTE = 1024 * 1024


@router.get("")
def settings(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show what can be chosen."""
    return _page(request, site, project)


@router.post("/describe")
def change_description(project: OpenProject, description: Annotated[str, Form()] = "") -> Response:
    """Change what the project says of itself."""
    changed = describe(project, description)
    return see_other(_here(project), "Saved." if changed else "It says that already.")


@router.post("/rename")
def rename(
    request: Request, site: Here, project: OpenProject, wanted: Annotated[str, Form(alias="new_name")]
) -> Response:
    """Give the project another name; a name that cannot be is said beside the field."""
    wanted = wanted.strip()
    try:
        check_project_name(wanted)
        if wanted.lower() != project.name.lower():
            place_for(wanted, project.settings, folder=project.path.parent)
    except (AlreadyExists, InvalidInput) as error:
        return _page(request, site, project, errors={"new_name": str(error)}, typed={"new_name": wanted})
    owner, name = project.owner, project.name

    def work(progress: Progress) -> str:
        progress.step("Waiting until everything is recorded")
        renamed = rename_project(find_project(site.services.settings, owner, name), wanted)
        return Links.of(renamed.owner, renamed.name).settings

    told = f"The project is called {wanted} now."
    return carry_out(site, f"Renaming {name}", work, told=told, back=_here(project))


@router.post("/copy")
def copy(
    request: Request, site: Here, project: OpenProject, wanted: Annotated[str, Form(alias="copy_name")]
) -> Response:
    """Make a copy with the whole trail."""
    wanted = wanted.strip()
    try:
        place_for(wanted, project.settings)
    except (AlreadyExists, InvalidInput) as error:
        return _page(request, site, project, errors={"copy_name": str(error)}, typed={"copy_name": wanted})
    owner, name = project.owner, project.name

    def work(progress: Progress) -> str:
        copied = copy_project(find_project(site.services.settings, owner, name), wanted, progress)
        return Links.of(copied.owner, copied.name).overview

    told = f"{wanted} is a copy of {name}, trail included."
    return carry_out(site, f"Copying {name}", work, told=told, back=_here(project))


@router.post("/secrets")
def keep_secret(
    request: Request,
    site: Here,
    project: OpenProject,
    secret: Annotated[str, Form()],
    value: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Name a secret in the project, and keep its value for this person if one is given.

    `back` is `environment` for the form on that page, which is led back to then.
    """
    secret = secret.strip()
    if not _SECRET.fullmatch(secret):
        error = "A secret’s name is that of an environment variable: letters, digits and “_”, no spaces."
        return _page(request, site, project, errors={"secret": error}, typed={"secret": secret})
    names = project.manifest().secrets
    if secret not in names:
        _edit(project, f"Named the secret {secret}", secrets=(*names, secret))
    damage = set_secret(project, secret, value) if value else None
    told = f"The value of {secret} is kept, outside the project." if value else f"{secret} is named."
    page = Links.of(project.owner, project.name).environment if back == "environment" else _here(project)
    return see_other(f"{page}#secrets", damage or told)


@router.post("/secrets/forget")
def forget_secret(
    project: OpenProject, secret: Annotated[str, Form()], unname: Annotated[str, Form()] = ""
) -> Response:
    """Forget a secret's value; with `unname`, the project no longer asks for it either."""
    set_secret(project, secret, None)
    names = tuple(name for name in project.manifest().secrets if name != secret)
    if unname:
        _edit(project, f"No longer asks for the secret {secret}", secrets=names)
    return see_other(f"{_here(project)}#secrets", f"The value of {secret} is forgotten.")


@router.post("/secret-files")
def keep_file(
    project: OpenProject,
    secret_file: Annotated[str, Form(max_length=100)],
    place: Annotated[str, Form(max_length=300)] = "",
    upload: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Name a secret file in the project, and keep the file for this person if one is given."""
    name = secret_file.strip()
    if not _SECRET.fullmatch(name):
        raise InvalidInput(
            "A secret file’s name is that of an environment variable: letters, digits and “_”."
        )
    if place.strip():
        name_secret_file(project, name, place.strip())
    data = upload.file.read() if upload is not None and upload.filename else None
    damage = keep_secret_file(project, name, data) if data is not None else None
    told = f"The file {name} is kept, outside the project." if data is not None else f"{name} is named."
    return see_other(f"{_here(project)}#secrets", damage or told)


@router.post("/secret-files/forget")
def forget_file(project: OpenProject, secret_file: Annotated[str, Form(max_length=100)]) -> Response:
    """Forget a secret file."""
    if secret_file not in manifest_of(project).secret_files:
        raise InvalidInput("The project does not name such a file.")
    keep_secret_file(project, secret_file, None)
    return see_other(f"{_here(project)}#secrets", f"The file {secret_file} is forgotten.")


@router.post("/limits")
def limits(project: OpenProject, megabytes: Annotated[int, Form(ge=1, le=100_000)]) -> Response:
    """Choose how large a file may be for the trail to keep it."""
    told = f"Files of up to {filesize(megabytes * _MEGABYTE)} are kept in the trail"
    _edit(project, told, max_file_bytes=megabytes * _MEGABYTE)
    return see_other(_here(project), f"{told} from now on.")


@router.post("/delete")
def delete(
    request: Request,
    site: Here,
    project: OpenProject,
    typed: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Move the project to the trash, once its name was typed."""
    owner, name = project.owner, project.name
    if not sure or typed.strip() != name:
        return confirm(request, site, project, _question(site, project, wrong=bool(sure)))

    def work(progress: Progress) -> str:
        progress.step("Waiting until everything is recorded")
        delete_project(find_project(site.services.settings, owner, name))
        return "/"

    told = f"{name} is in the trash, with its whole trail."
    return carry_out(site, f"Deleting {name}", work, told=told, back=_here(project))


def _question(site: Site, project: Project, *, wrong: bool) -> Confirmation:
    tools = open_tools(site, project)
    running = f"{tools} is open on it: stop it first." if tools else ""
    return Confirmation(
        title=f"Delete {project.name}?",
        explains=(
            "The project moves to the trash with its files, its trail and its secrets.",
            "You can put it back until you empty the trash.",
            *((running,) if running else ()),
        ),
        action=f"{_here(project)}/delete",
        label="Move it to the trash",
        back=_here(project),
        danger=True,
        typed=project.name,
        tab="settings",
        error="That is not its name." if wrong else None,
    )


def _edit(project: Project, told: str, **facts: str | int | tuple[str, ...]) -> None:
    with project.trail.lock:
        project.manifest()
        text = edit_manifest(project.manifest_text(), **facts)
        write_file(project, FILE_NAME, text.encode(), told=told)


def _page(
    request: Request,
    site: Site,
    project: Project,
    *,
    errors: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    manifest, known = manifest_of(project), known_secrets(project)
    return site.page(
        request,
        "settings_page/settings.html",
        status=422 if errors else 200,
        frame=project_frame(site, request, project, "settings"),
        links=Links.of(project.owner, project.name),
        manifest=manifest,
        secrets=[(name, name in known) for name in manifest.secrets],
        files=secret_files(project, manifest.secret_files),
        megabytes=max(1, project.max_file_bytes() // _MEGABYTE),
        errors=errors or {},
        typed=typed or {},
    )


def _here(project: Project) -> str:
    return Links.of(project.owner, project.name).settings
