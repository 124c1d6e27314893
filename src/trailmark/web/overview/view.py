"""The overview as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trailmark.pages.feed import Step
from trailmark.pages.feed.model import Thumb

_RECENT = 6
_FIGURES = 4


@dataclass(frozen=True)
class Figure:
    """A figure that was made lately, and the record that made it."""

    thumb: Thumb
    href: str
    title: str


@dataclass(frozen=True)
class Overview:
    """What the page shows. `size` and `records` are None while they are being found; `readme` for none."""

    readme: Markup | None
    readme_name: str
    recent: tuple[Step, ...]
    figures: tuple[Figure, ...]
    base: str | None
    packages: tuple[str, ...]
    python: str
    environment_ready: bool
    records: int | None
    branches: int
    size: int | None
    path: str


def recent_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps that are worth a line, the newest first."""
    telling = [step for step in steps if not step.quiet]
    return tuple((telling or list(steps))[:_RECENT])


def latest_figures(steps: Sequence[Step]) -> tuple[Figure, ...]:
    """Return the newest figures, one of each step."""
    found = [Figure(step.thumbs[0], step.href, _caption(step)) for step in steps if step.thumbs]
    return tuple(found[:_FIGURES])


def _caption(step: Step) -> str:
    if step.headline or step.source is None:
        return step.headline or step.title
    number = f" [{step.source.number}]" if step.source.number is not None else ""
    return f"{step.source.name}{number}"
