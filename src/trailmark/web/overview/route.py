"""Routes of a project's overview and of its README."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from trailmark.activity.index import MISSING, OUTSIDE
from trailmark.environments.edit import package_name
from trailmark.environments.whole.model import WholeLock
from trailmark.errors import Damaged, InvalidInput, NotFound
from trailmark.git import BRANCHES
from trailmark.pages.feed import build_step
from trailmark.pages.links import Links
from trailmark.pages.readme import render_document
from trailmark.projects.describe import edit_readme, readme_name
from trailmark.projects.environment import current_lock, find_made, held_base
from trailmark.projects.files import open_file
from trailmark.projects.project import Project
from trailmark.web.launching.choices import choices_of
from trailmark.web.masthead import manifest_of, project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.overview.view import Overview, latest_figures, recent_steps
from trailmark.web.site import Here, Site, see_other
from trailmark.web.trail import shown_index

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}")
_READ_BYTES = 400_000
_LOOKED_AT = 40


@router.get("/")
def overview(request: Request, site: Here, project: OpenProject, on: str | None = None) -> HTMLResponse:
    """Show the project at a glance, and what it can be opened in on an engine."""
    return site.page(
        request,
        "overview/overview.html",
        frame=project_frame(site, request, project, "overview"),
        overview=_overview(site, project),
        choices=choices_of(site, project, on),
        links=Links.of(project.owner, project.name),
    )


@router.get("/readme")
def readme(request: Request, site: Here, project: OpenProject) -> HTMLResponse:
    """Show the README to be edited."""
    return site.page(
        request,
        "overview/readme.html",
        frame=project_frame(site, request, project, "overview"),
        readme_name=readme_name(project),
        text=_readme_text(project),
        links=Links.of(project.owner, project.name),
    )


@router.post("/readme")
def save_readme(project: OpenProject, text: Annotated[str, Form()] = "") -> Response:
    """Give the README another text."""
    saved = edit_readme(project, text)
    overview_page = Links.of(project.owner, project.name).overview
    return see_other(overview_page, "The README is saved." if saved else "The README says that already.")


def _overview(site: Site, project: Project) -> Overview:
    links, name = Links.of(project.owner, project.name), readme_name(project)
    manifest, lock = manifest_of(project), _lock_of(project)
    with shown_index(project, site.reading) as shown:
        rows = shown.index.page(limit=_LOOKED_AT)
        kinds = site.facets(project, shown.index).kinds if shown.is_whole else {}
    steps = [build_step(row, links) for row in rows]
    ready = find_made(project, lock) is not None
    return Overview(
        readme=_rendered(project, name, links),
        readme_name=name,
        recent=recent_steps(steps),
        figures=latest_figures(steps),
        base=_base_title(project) if manifest.base else None,
        packages=(
            *(package_name(text) for text in manifest.packages),
            *(text for wanted in manifest.others.values() for text in wanted.requirements),
        ),
        python=manifest.python,
        environment_ready=ready,
        records=sum(number for kind, number in kinds.items() if kind not in (OUTSIDE, MISSING))
        if shown.is_whole
        else None,
        branches=len(project.repository.refs(BRANCHES)),
        size=site.summaries.size(project.path),
        path=str(project.path),
    )


def _base_title(project: Project) -> str | None:
    try:
        base = held_base(project)
    except (Damaged, InvalidInput):
        return None
    return base.title if base else None


def _lock_of(project: Project) -> WholeLock | None:
    try:
        return current_lock(project)
    except (Damaged, InvalidInput):
        return None


def _rendered(project: Project, name: str, links: Links) -> Markup | None:
    text = _readme_text(project)
    if not text.strip():
        return None
    if not name.lower().endswith((".md", "readme")):
        return Markup("<pre>{}</pre>").format(text)
    return render_document(text, name, links)


def _readme_text(project: Project) -> str:
    try:
        file = open_file(project, readme_name(project))
    except NotFound:
        return ""
    with file.stream as stream:
        return stream.read(_READ_BYTES).decode("utf-8", "replace")
