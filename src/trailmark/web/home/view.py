"""The first page as a value: which projects are shown, in which order, and what each card says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trailmark.pages.links import Links

Order = Literal["recent", "name", "size"]
ORDERS: tuple[tuple[Order, str], ...] = (
    ("recent", "Latest activity"),
    ("name", "Name"),
    ("size", "Size"),
)


@dataclass(frozen=True)
class Card:
    """One project as its card shows it. `last_at` is None for a project without any record."""

    owner: str
    name: str
    description: str
    last_title: str | None
    last_kind: str | None
    last_at: float | None
    size: int | None
    session: str | None = None
    problem: str | None = None

    @property
    def links(self) -> Links:
        """The addresses of the project."""
        return Links.of(self.owner, self.name)


@dataclass(frozen=True)
class Home:
    """What the first page shows. `total` counts the projects before the search."""

    cards: tuple[Card, ...]
    total: int
    search: str
    order: Order

    @property
    def is_first_run(self) -> bool:
        """Whether there is nothing yet."""
        return self.total == 0


def order_of(text: str) -> Order:
    """Return the order that an address asks for; the latest activity first when it asks for none."""
    return next((key for key, _ in ORDERS if key == text), "recent")


def arrange(cards: Sequence[Card], search: str, order: Order) -> Home:
    """Return the projects whose name or description holds every word of `search`, in order."""
    words = search.lower().split()
    found = [
        card
        for card in cards
        if all(word in f"{card.owner}/{card.name} {card.description}".lower() for word in words)
    ]
    found.sort(key=lambda card: (card.owner.lower(), card.name.lower()))
    if order == "recent":
        found.sort(key=lambda card: (card.session is None, -(card.last_at or 0.0)))
    elif order == "size":
        found.sort(key=lambda card: -(card.size or 0))
    return Home(tuple(found), len(cards), search, order)
