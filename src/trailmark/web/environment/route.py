"""Routes of a project's environment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.catalogue import complete
from trailmark.environments.edit import package_name
from trailmark.environments.snippets import parse_snippet
from trailmark.environments.typed import name_in_progress, split_typed
from trailmark.environments.whole.search import find_packages, newest_of
from trailmark.errors import InvalidInput, TrailmarkError
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects import base as project_base
from trailmark.projects import packages, snippets
from trailmark.projects.build_logs import list_logs
from trailmark.projects.environment import whole_request
from trailmark.projects.project import Project
from trailmark.projects.recorded import pip_digest_of
from trailmark.projects.resources import set_resources
from trailmark.projects.secret_files import secret_files
from trailmark.projects.secrets import known_secrets
from trailmark.projects.standing import ask_for_latest, standing_of
from trailmark.web.bases import cards_for
from trailmark.web.environment.history import history_of
from trailmark.web.environment.places import known_places
from trailmark.web.environment.view import EnvironmentView, Secret, build_environment
from trailmark.web.environment.work import find_work, start_change, start_work
from trailmark.web.launching.choices import choices_of
from trailmark.web.masthead import project_frame, sessions_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other

router = APIRouter()
NO_BASE = "The Python of this machine, and nothing else."
_SHOWN = 8
_LOGS = 4


@router.get("")
def environment(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show what the project runs on."""
    return site.page(
        request,
        "environment/environment.html",
        frame=project_frame(site, request, project, "environment"),
        environment=view_of(site, project),
        links=Links.of(project.owner, project.name),
        job=find_work(site, project),
        history=history_of(site, project),
        logs=list_logs(project)[:_LOGS],
        choices=choices_of(site, project),
    )


@router.get("/names")
def names(
    request: Request,
    site: Here,
    project: OpenProject,
    typed: Annotated[str, Query(alias="packages")] = "",
    manager: Annotated[str, Query()] = "pip",
) -> HTMLResponse:
    """Complete the name that is being typed, as a piece of the page."""
    last = name_in_progress(typed)
    found, problem = _names(site, project, manager, last) if last else ({}, None)
    return site.fragment(
        request,
        "environment/names.html",
        names=found,
        problem=problem,
        manager=manager,
        links=Links.of(project.owner, project.name),
    )


@router.get("/newest")
def newest_version(site: Here, project: OpenProject, package: Annotated[str, Query()]) -> HTMLResponse:
    """Say the newest version of a package, as a piece of the page; nothing when it cannot be told."""
    try:
        name, home = package_name(package), site.services.settings.home
    except InvalidInput:
        return HTMLResponse("")
    version = newest_of(whole_request(project), "pip", [name], site.services.means, home)[name]
    return HTMLResponse(version or "")


@router.post("/add")
def add(
    site: Here,
    project: OpenProject,
    wanted: Annotated[str, Form(alias="packages")],
    manager: Annotated[str, Form()] = "pip",
) -> Response:
    """Ask for packages: resolve, install and record in the background."""
    requested = split_typed(wanted)
    if not requested:
        raise InvalidInput("Name at least one package, such as pandas. Nothing was changed.")
    title = f"Adding {', '.join(requested)}"
    return start_change(
        site, project, title, lambda p, means, told: packages.add(p, requested, means, told, manager=manager)
    )


@router.post("/remove")
def remove(
    site: Here,
    project: OpenProject,
    package: Annotated[str, Form()],
    manager: Annotated[str, Form()] = "pip",
) -> Response:
    """Stop asking for a package."""
    return start_change(
        site,
        project,
        f"Removing {package}",
        lambda p, means, told: packages.remove(p, (package,), means, told, manager=manager),
    )


@router.post("/update")
def update(
    site: Here,
    project: OpenProject,
    package: Annotated[str, Form()] = "",
    manager: Annotated[str, Form()] = "",
) -> Response:
    """Resolve again with the newest versions: of everything, or of one package."""
    chosen = (package,) if package else ()
    return start_change(
        site,
        project,
        f"Updating {package or 'the packages'}",
        lambda p, means, told: packages.update(p, means, told, names=chosen, manager=manager or None),
    )


@router.post("/lock")
def lock(site: Here, project: OpenProject) -> Response:
    """Resolve what trailmark.toml asks for."""
    return start_change(site, project, "Locking the environment", packages.lock_environment)


@router.post("/newest")
def ask_newest(site: Here, project: OpenProject) -> Response:
    """Ask the indexes of all managers for newer versions, in the background."""

    def work(found: Project, progress: Progress) -> None:
        progress.step("Asking for newer versions")
        standing = standing_of(found, site.services.managers)
        ask_for_latest(found, standing.packages, site.services.means, all_managers=True)

    return start_work(site, project, "Looking for newer versions", work)


@router.get("/base")
def base_page(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show the bases that the environment can start from."""
    request_of_project = whole_request(project)
    return site.page(
        request,
        "environment/base.html",
        frame=project_frame(site, request, project, "environment"),
        links=Links.of(project.owner, project.name),
        bases=cards_for(
            load_catalogue(project.settings.home, project.settings.bases),
            chosen=request_of_project.base.id if request_of_project.base else "",
        ),
        nothing=NO_BASE,
    )


@router.get("/bases")
def bases(
    request: Request,
    site: Here,
    project: OpenProject,
    language: Annotated[str, Query()] = "",
    tool: Annotated[str, Query()] = "",
    base: Annotated[str, Query()] = "",
) -> HTMLResponse:
    """List the bases that fit the filters, as a piece of the page."""
    catalogue = load_catalogue(project.settings.home, project.settings.bases)
    found = cards_for(catalogue, language=language, tool=tool, chosen=base)
    return site.fragment(request, "bases/list.html", bases=found, nothing=NO_BASE)


@router.post("/base")
def change_base(site: Here, project: OpenProject, base: Annotated[str, Form()] = "") -> Response:
    """Start the environment from another base, keeping the project's own packages."""
    settings = project.settings
    chosen = load_catalogue(settings.home, settings.bases).get(base) if base else None
    return start_change(
        site,
        project,
        f"Starting from {chosen.title}" if chosen else "Going on without a base",
        lambda p, means, told: project_base.change_base(p, chosen, means, told),
    )


@router.post("/save-base")
def save_base(
    site: Here,
    project: OpenProject,
    base_name: Annotated[str, Form()],
    title: Annotated[str, Form()] = "",
) -> Response:
    """Keep the environment as a base of the person's own."""
    settings = project.settings
    catalogue = load_catalogue(settings.home, settings.bases)
    managers = site.services.managers
    saved = project_base.save_base(project, base_name.strip(), catalogue, managers, title=title.strip())
    told = f"{saved.title} is kept: choose it when you make the next project."
    return see_other(Links.of(project.owner, project.name).environment, told)


@router.post("/snippets")
def set_snippet(
    site: Here, project: OpenProject, snippet: Annotated[str, Form()], text: Annotated[str, Form()] = ""
) -> Response:
    """Add a snippet or change its text; what may not be in one is said at once."""
    checked = parse_snippet(snippet.strip(), text)
    return start_change(
        site,
        project,
        f"Taking up the snippet {checked.name}",
        lambda p, means, told: snippets.set_snippet(p, checked.name, checked.text, means, told),
    )


@router.post("/snippets/remove")
def remove_snippet(site: Here, project: OpenProject, snippet: Annotated[str, Form()]) -> Response:
    """Remove a snippet."""
    return start_change(
        site,
        project,
        f"Removing the snippet {snippet}",
        lambda p, means, told: snippets.remove_snippet(p, snippet, means, told),
    )


@router.post("/resources")
def choose_resources(
    project: OpenProject,
    cpus: Annotated[str, Form(max_length=20)] = "",
    memory: Annotated[str, Form(max_length=40)] = "",
    shared_memory: Annotated[str, Form(max_length=40)] = "",
    gpu: Annotated[str, Form()] = "",
) -> Response:
    """Choose what a session of the project may use; empty fields are without limit."""
    try:
        processors = float(cpus.replace(",", ".")) if cpus.strip() else None
    except ValueError as error:
        raise InvalidInput(f"“{cpus}” is not a number of processors. Nothing was changed.") from error
    changed = set_resources(
        project, cpus=processors, memory=memory.strip(), shared_memory=shared_memory.strip(), gpu=bool(gpu)
    )
    told = "Saved. It counts from the next launch on." if changed else "It is so already."
    return see_other(Links.of(project.owner, project.name).environment, told)


def view_of(site: Site, project: Project) -> EnvironmentView:
    """Return a project's environment as it stands on this machine."""
    managers, manifest, known = site.services.managers, project.manifest(), known_secrets(project)
    standing = standing_of(project, managers)
    files = secret_files(project)
    return build_environment(
        standing,
        managers=tuple(managers),
        resources=manifest.resources,
        places=known_places(standing),
        secrets=(
            *(Secret(name, name in known) for name in manifest.secrets),
            *(Secret(file.name, file.path is not None, file.place) for file in files),
        ),
        sessions=[
            pip_digest_of(project, session.environment) if session.environment else None
            for session in sessions_of(site, project)
        ],
    )


def _names(site: Site, project: Project, manager: str, text: str) -> tuple[dict[str, str | None], str | None]:
    """Return names that fit with their newest versions, as far as those are known; and why there are none."""
    if manager == "pip":
        return dict.fromkeys(complete(text, _SHOWN)), None
    try:
        request, settings = whole_request(project), site.services.settings
        found = find_packages(request, manager, text, site.services.means, settings.home, limit=_SHOWN)
    except TrailmarkError as error:
        return {}, str(error)
    return found, None if found else f"Nothing that {manager} can have begins so."
