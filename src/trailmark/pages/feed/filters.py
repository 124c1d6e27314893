"""What is being looked for in the trail: as a value, as a form, and as addresses that leave one thing out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, tzinfo

from trailmark.activity import KINDS, STATUSES
from trailmark.errors import InvalidInput
from trailmark.pages.kinds import kind_icon, kinds_label, tool_label
from trailmark.pages.links import Links
from trailmark.pages.wording import day_of

_LONGEST = 500
_STATUS_LABELS = {
    "ok": "Went well",
    "error": "Errors",
    "interrupted": "Interrupted",
    "aborted": "Not run",
    "lost": "Lost",
}
_ACTORS = {"person": "People", "program": "Programs"}
_LABELS = {
    "search": "containing",
    "kind": "kind",
    "tool": "tool",
    "notebook": "notebook",
    "file": "file",
    "status": "status",
    "person": "person",
    "actor": "by",
    "since": "since",
    "until": "until",
    "branch": "branch",
}


@dataclass(frozen=True)
class Filters:
    """What is being looked for. Days are ISO dates, both included; None asks for nothing."""

    search: str | None = None
    kind: str | None = None
    tool: str | None = None
    notebook: str | None = None
    file: str | None = None
    status: str | None = None
    person: str | None = None
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    branch: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filters:
        """Read the filters of an address. Raises InvalidInput for a kind, status or day that is none."""
        given = {name: (query.get(name) or "").strip()[:_LONGEST] or None for name in _LABELS}
        filters = cls(**given)
        _check(filters.kind, KINDS, "kind")
        _check(filters.status, STATUSES, "status")
        for day in (filters.since, filters.until):
            _parse_day(day)
        return filters

    @property
    def active(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.query())

    def query(self) -> dict[str, str | int | None]:
        """Return what an address holds for these filters."""
        return {name: value for name, value in asdict(self).items() if value}

    def since_time(self, zone: tzinfo | None = None) -> float | None:
        """Return the moment at which the first day wanted begins."""
        day = _parse_day(self.since)
        return _start_of(day, zone) if day else None

    def until_time(self, zone: tzinfo | None = None) -> float | None:
        """Return the moment at which the last day wanted is over."""
        day = _parse_day(self.until)
        return _start_of(day + timedelta(days=1), zone) if day else None


@dataclass(frozen=True)
class Choices:
    """What there is to choose from in a project."""

    kinds: Mapping[str, int | None] | None = None
    tools: Sequence[str] = ()
    notebooks: Sequence[str] = ()
    people: Sequence[str] = ()
    branches: Sequence[str] = ()


@dataclass(frozen=True)
class LegendEntry:
    """One kind in the legend: choosing it shows only that kind, choosing it again shows all."""

    kind: str
    icon: str
    label: str
    count: int | None
    href: str
    chosen: bool


@dataclass(frozen=True)
class Active:
    """One filter that is in force, and the address without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class FilterBar:
    """The filters as the page shows them. `options` are value and label for each list."""

    action: str
    filters: Filters
    legend: tuple[LegendEntry, ...]
    options: Mapping[str, tuple[tuple[str, str], ...]]
    active: tuple[Active, ...]
    clear: str
    spans: tuple[Active, ...]


def build_filter_bar(
    filters: Filters, choices: Choices, links: Links, *, now: float, zone: tzinfo | None = None
) -> FilterBar:
    """Return the filters as the page shows them."""
    query = filters.query()
    return FilterBar(
        action=links.activity(),
        filters=filters,
        legend=tuple(_legend(filters, choices, links)),
        options={
            "tool": _options("Any tool", [(tool, tool_label(tool) or tool) for tool in choices.tools]),
            "notebook": _options("Any notebook", [(path, path) for path in choices.notebooks]),
            "status": _options("However it ended", list(_STATUS_LABELS.items())),
            "actor": _options("People and programs", list(_ACTORS.items())),
            "person": _options("Anybody", [(name, name) for name in choices.people]),
            "branch": _options("Any branch", [(name, name) for name in choices.branches]),
        },
        active=tuple(
            Active(_LABELS[name], _value_label(name, str(value)), links.activity({**query, name: None}))
            for name, value in query.items()
        ),
        clear=links.activity(),
        spans=tuple(_spans(filters, links, now=now, zone=zone)),
    )


def _legend(filters: Filters, choices: Choices, links: Links) -> list[LegendEntry]:
    known = choices.kinds if choices.kinds is not None else dict.fromkeys(KINDS)
    shown = [kind for kind in KINDS if kind in known or kind == filters.kind]
    query = filters.query()
    return [
        LegendEntry(
            kind=kind,
            icon=kind_icon(kind),
            label=kinds_label(kind),
            count=known.get(kind),
            href=links.activity({**query, "kind": None if kind == filters.kind else kind}),
            chosen=kind == filters.kind,
        )
        for kind in shown
    ]


def _spans(filters: Filters, links: Links, *, now: float, zone: tzinfo | None) -> list[Active]:
    today = day_of(now, zone)
    query = filters.query()
    return [
        Active(label, since, links.activity({**query, "since": since, "until": None}))
        for label, days in (("Today", 0), ("7 days", 6), ("30 days", 29))
        for since in [(today - timedelta(days=days)).isoformat()]
    ]


def _options(everything: str, options: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return (("", everything), *options)


def _value_label(name: str, value: str) -> str:
    match name:
        case "kind":
            return kinds_label(value)
        case "status":
            return _STATUS_LABELS[value]
        case "tool":
            return tool_label(value) or value
        case "actor":
            return _ACTORS.get(value, value)
        case "search":
            return f"“{value}”"
    return value


def _check(value: str | None, allowed: Sequence[str], what: str) -> None:
    if value is not None and value not in allowed:
        raise InvalidInput(f"“{value}” is no {what}; choose one of {', '.join(allowed)}.")


def _parse_day(day: str | None) -> date | None:
    if day is None:
        return None
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise InvalidInput(f"“{day}” is no day; write it as 2026-11-23.") from error


def _start_of(day: date, zone: tzinfo | None) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
