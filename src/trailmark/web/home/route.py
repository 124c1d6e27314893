"""Routes of the first page and of making a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.typed import split_typed
from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.pages.links import Links
from trailmark.progress import Progress
from trailmark.projects.demo import make_demo
from trailmark.projects.new import new_project
from trailmark.sessions.demo import run_demo
from trailmark.web.bases import cards_for
from trailmark.web.home.facts import cards_of
from trailmark.web.home.view import ORDERS, arrange, order_of
from trailmark.web.opening import find_project
from trailmark.web.site import Here, see_other

router = APIRouter(include_in_schema=False)
NOTHING = "The Python of this machine, ready at once. Nothing else to set up."


@router.get("/")
def home(
    request: Request, site: Here, q: Annotated[str, Query()] = "", sort: Annotated[str, Query()] = ""
) -> HTMLResponse:
    """Show all projects, or how to begin."""
    found = arrange(cards_of(site), q.strip(), order_of(sort))
    return site.page(request, "home/home.html", home=found, orders=ORDERS)


@router.get("/new")
def new(request: Request, site: Here) -> HTMLResponse:
    """Show the form for a new project."""
    return _form(request, site)


@router.get("/new/bases")
def bases(
    request: Request,
    site: Here,
    language: Annotated[str, Query()] = "",
    tool: Annotated[str, Query()] = "",
    base: Annotated[str, Query()] = "",
) -> HTMLResponse:
    """List the bases that fit the filters, as a piece of the page."""
    settings = site.services.settings
    found = cards_for(
        load_catalogue(settings.home, settings.bases), language=language, tool=tool, chosen=base
    )
    return site.fragment(request, "bases/list.html", bases=found, nothing=NOTHING)


@router.post("/new")
def make(
    request: Request,
    site: Here,
    name: Annotated[str, Form()],
    description: Annotated[str, Form()] = "",
    packages: Annotated[str, Form()] = "",
    base: Annotated[str, Form()] = "",
) -> Response:
    """Make a project and open it; a name that cannot be is said beside the field."""
    settings = site.services.settings
    try:
        made = new_project(
            name.strip(),
            settings,
            description=description.strip(),
            packages=split_typed(packages),
            base=load_catalogue(settings.home, settings.bases).get(base) if base else None,
        )
    except (AlreadyExists, InvalidInput, NotFound) as error:
        return _form(request, site, name, description, packages, base, error=str(error), status=422)
    return see_other(Links.of(made.owner, made.name).overview, f"{made.name} is ready.")


@router.post("/demo")
def demo(site: Here) -> Response:
    """Make the demonstration, and run it in the background while its trail is watched."""
    settings = site.services.settings
    made = make_demo(settings)
    owner, name = made.owner, made.name
    links = Links.of(owner, name)

    def work(progress: Progress) -> str:
        run_demo(find_project(settings, owner, name), site.services.engine, site.services.uv, progress)
        return links.activity()

    site.jobs.start("Running the demonstration", work, project=f"{owner}/{name}")
    return see_other(links.activity(), "The demonstration is being run. Watch the trail fill.")


def _form(
    request: Request,
    site: Here,
    name: str = "",
    description: str = "",
    packages: str = "",
    base: str = "",
    *,
    error: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    settings = site.services.settings
    return site.page(
        request,
        "home/new.html",
        status=status,
        name=name,
        description=description,
        packages=packages,
        bases=cards_for(load_catalogue(settings.home, settings.bases), chosen=base),
        nothing=NOTHING,
        error=error,
        folder=str(settings.projects / settings.owner),
    )
