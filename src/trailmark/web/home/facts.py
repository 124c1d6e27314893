"""Gathering what the cards of the first page say."""

from __future__ import annotations

from trailmark.web.home.view import Card
from trailmark.web.site import Site


def cards_of(site: Site) -> list[Card]:
    """Return a card for every project."""
    return [
        Card(
            owner=summary.owner,
            name=summary.name,
            description=summary.description,
            last_title=summary.last_title,
            last_kind=summary.last_kind,
            last_at=summary.last_at,
            size=size,
            problem=summary.problem,
        )
        for summary, size in site.summaries.all()
    ]
