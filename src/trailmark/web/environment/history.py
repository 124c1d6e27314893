"""Routes of an environment's history: what each change changed, and going back to any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, Response

from trailmark.environments.realise import find_realised
from trailmark.errors import NotFound, TrailmarkError, Unavailable
from trailmark.git import Oid
from trailmark.pages.links import Links
from trailmark.pages.who import person_name, program_name
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock
from trailmark.projects.environment_at import Environments, lock_of, texts_of
from trailmark.projects.environment_difference import difference_of
from trailmark.projects.environment_history import EnvironmentChange, environment_history
from trailmark.projects.manifest import FILE_NAME, parse_manifest
from trailmark.projects.packages import ready_environment
from trailmark.projects.project import Project
from trailmark.projects.restore_environment import restore_environment
from trailmark.sessions.notify import with_open_sessions
from trailmark.web.environment.work import start_work
from trailmark.web.masthead import open_tools, project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here, Site, see_other
from trailmark.web.trail import index_with, shown_index

router = APIRouter()
PAGE = 20
LATEST = 4
_WENT_BACK = "The environment is an earlier one again. Restart the kernel to use it."


@dataclass(frozen=True)
class ChangeLine:
    """One change as the page shows it. `href` leads to its record, or to the files of a commit of plain git's."""

    change: EnvironmentChange
    href: str
    who: str | None
    is_program: bool


@dataclass(frozen=True)
class HistoryView:
    """Some changes, the newest first; `older` is the address of the next ones, None at the end."""

    lines: tuple[ChangeLine, ...]
    older: str | None


@router.get("/history")
def history(
    request: Request,
    site: Here,
    project: OpenProject,
    before: Annotated[str | None, Query(max_length=64)] = None,
    part: Annotated[str, Query()] = "",
) -> HTMLResponse:
    """Show how the environment came to be; `part=latest` the newest changes, as a piece of the page."""
    links = Links.of(project.owner, project.name)
    if part:
        latest = history_of(site, project)
        return site.fragment(request, "environment/latest.html", history=latest, links=links)
    return site.page(
        request,
        "environment/history.html",
        frame=project_frame(site, request, project, "environment"),
        links=links,
        history=history_of(site, project, before=before, limit=PAGE),
        is_first=before is None,
    )


@router.post("/restore")
def restore(
    request: Request,
    site: Here,
    project: OpenProject,
    record: Annotated[str, Form(max_length=64)],
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Go back to the environment right after a record, once that was confirmed."""
    links = Links.of(project.owner, project.name)
    commit, title = _found(site, project, record)
    environments = Environments(project.repository, site.services.managers)
    then, now = environments.at(commit), environments.at(project.repository.head())
    if then == now:
        return see_other(links.environment, "The project has that very environment.", tone="neutral")
    if sure:
        return start_work(
            site,
            project,
            f"Going back to the environment of “{title}”",
            lambda found, progress: _go_back(site, found, commit, title, record, progress),
        )
    return site.page(
        request,
        "environment/restore.html",
        frame=project_frame(site, request, project, "environment"),
        links=links,
        record=record,
        title=title,
        then=then,
        difference=difference_of(now, then),
        is_made=_is_made(project, commit),
        running=open_tools(site, project),
    )


def history_of(
    site: Site, project: Project, *, before: str | None = None, limit: int = LATEST
) -> HistoryView:
    """Return the changes of a project's environment, as far as its trail is read in."""
    links = Links.of(project.owner, project.name)
    with shown_index(project, site.reading) as shown:
        found = environment_history(project, shown.index, site.services.managers, before=before, limit=limit)
    older = f"{links.environment}/history?before={found.older}" if found.older else None
    return HistoryView(tuple(_line(change, links) for change in found.changes), older)


def _line(change: EnvironmentChange, links: Links) -> ChangeLine:
    if change.row is None:
        return ChangeLine(change, links.files(at=change.id), None, is_program=False)
    program = program_name(change.row.actor)
    who = program or person_name(change.row.author)
    return ChangeLine(change, links.record(change.id), who, program is not None)


def _found(site: Site, project: Project, record: str) -> tuple[Oid, str]:
    """Return the commit of a record, or the commit that is named itself, with its title. Raises NotFound."""
    with index_with(project, site.reading, record) as index:
        row = index.row(index.resolve(record))
    if row.commit is None or not project.repository.has(Oid(row.commit)):
        raise NotFound(
            "The commit of that record is not in this repository, so its environment cannot be had back."
        )
    return Oid(row.commit), row.title


def _is_made(project: Project, commit: Oid) -> bool:
    """Whether the environment of a commit is ready on this machine."""
    texts = texts_of(project.repository, project.repository.tree_of(commit))
    try:
        lock = lock_of(parse_manifest(texts.get(FILE_NAME, ""), default_name=project.name), texts)
    except TrailmarkError:
        return False
    return lock is not None and find_realised(lock.pip.digest, project.settings.home) is not None


def _go_back(site: Site, project: Project, commit: Oid, title: str, record: str, progress: Progress) -> None:
    """Go back, make what was gone back to on this machine, and tell open sessions."""
    services = site.services

    def change() -> TrailmarkError | None:
        progress.step("Putting the environment of then in place")
        restore_environment(project, commit, title, services.managers, record=record)
        try:
            if current_lock(project) is not None:
                ready_environment(project, services.means, progress)
        except TrailmarkError as error:
            return error
        return None

    failed, _ = with_open_sessions(project, services.engine, services.uv, _WENT_BACK, change)
    if failed is not None:
        raise Unavailable(
            f"The environment is the one of then again, and that is on the trail. Only making it on this machine did "
            f"not work; an engine with images may still build it. {failed}"
        )
