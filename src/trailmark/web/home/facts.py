"""Gathering what the cards of the first page say."""

from __future__ import annotations

from trailmark.sessions.stop import statuses
from trailmark.web.home.view import Card
from trailmark.web.site import Site


def cards_of(site: Site) -> list[Card]:
    """Return a card for every project."""
    running = statuses(site.services.settings, site.services.engine)
    sessions = {item.session.project: item.session.title for item in running}
    return [
        Card(
            owner=summary.owner,
            name=summary.name,
            description=summary.description,
            last_title=summary.last_title,
            last_kind=summary.last_kind,
            last_at=summary.last_at,
            size=size,
            session=sessions.get(str(summary.path)),
            problem=summary.problem,
        )
        for summary, size in site.summaries.all()
    ]
