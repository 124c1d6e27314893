"""Routes of a project's trail."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from trailmark.activity.index.row import Row
from trailmark.errors import TrailmarkError
from trailmark.pages.feed import Feed, FilterBar, Filters, build_feed, build_filter_bar
from trailmark.pages.links import Links
from trailmark.projects.note import add_note
from trailmark.projects.project import Project
from trailmark.web.failures import status_of
from trailmark.web.masthead import project_frame
from trailmark.web.opening import OpenProject
from trailmark.web.reading import NOTICE
from trailmark.web.site import Here, Site, see_other
from trailmark.web.trail import ShownIndex, choices_of, filter_of, shown_index

router = APIRouter(include_in_schema=False, prefix="/p/{owner}/{name}/activity")
PAGE = 50
_NEWS = 200


@router.get("")
def activity(
    request: Request,
    site: Here,
    project: OpenProject,
    part: str = "",
    before: str | None = None,
    after: str | None = None,
    day: str | None = None,
) -> HTMLResponse:
    """Show the trail; with `part=days` only the part that scrolling (`before`) and live news (`after`) fetch.

    News brings the filters along, for it may be the first of its kind.
    """
    if part != "days":
        return _page(request, site, project, before=before, after=after, day=day)
    filters = Filters.parse(request.query_params)
    with shown_index(project, site.reading) as shown:
        feed = _feed(site, project, shown, filters, before=before or None, after=after or None, day=day)
        if not (after and feed.days):
            return site.fragment(request, "activity/days.html", feed=feed, bar=None)
        bar = _filter_bar(site, project, shown, filters)
    return site.fragment(request, "activity/days.html", feed=feed, bar=bar)


@router.post("")
def note(request: Request, site: Here, project: OpenProject, text: Annotated[str, Form()] = "") -> Response:
    """Write a note that is about no other record; what was typed stays when it is refused."""
    try:
        add_note(project, text)
    except TrailmarkError as error:
        return _page(request, site, project, typed=text, error=str(error), status=status_of(error))
    return see_other(Links.of(project.owner, project.name).activity(), "The note is on the trail.")


def _page(
    request: Request,
    site: Site,
    project: Project,
    *,
    before: str | None = None,
    after: str | None = None,
    day: str | None = None,
    typed: str = "",
    error: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Show the whole page; `typed` is what stands in its form, and `error` why it was refused."""
    filters = Filters.parse(request.query_params)
    with shown_index(project, site.reading) as shown:
        feed = _feed(site, project, shown, filters, before=before or None, after=after or None, day=day)
        bar = _filter_bar(site, project, shown, filters)
    return site.page(
        request,
        "activity/activity.html",
        status=status,
        frame=project_frame(site, request, project, "activity", notice=None if shown.is_whole else NOTICE),
        feed=feed,
        bar=bar,
        typed=typed,
        error=error,
    )


def _filter_bar(site: Site, project: Project, shown: ShownIndex, filters: Filters) -> FilterBar:
    links = Links.of(project.owner, project.name)
    facets = site.facets(project, shown.index) if shown.is_whole else shown.index.facets()
    return build_filter_bar(filters, choices_of(facets), links, now=time.time())


def _feed(
    site: Site,
    project: Project,
    shown: ShownIndex,
    filters: Filters,
    *,
    before: str | None,
    after: str | None,
    day: str | None,
) -> Feed:
    wanted = filter_of(filters)
    outside = not filters.active or filters.query().keys() == {"branch"}
    limit = _NEWS if after else PAGE
    rows: list[Row] = shown.index.page(
        wanted, before=before, after=after, limit=limit + 1, with_outside=outside
    )
    return build_feed(
        rows[:limit],
        links=Links.of(project.owner, project.name),
        now=time.time(),
        filters=filters,
        more=len(rows) > limit and after is None,
        reading_before=None if shown.is_whole or after else before or "",
        after_day=day,
        me=site.services.settings.person.name,
    )
