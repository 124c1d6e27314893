from datetime import UTC

import pytest
from tests.unit.pages.page_samples import HOSTILE, LINKS, NOW, Page, assert_inert, environment, frame

from trailmark.errors import InvalidInput
from trailmark.pages.feed import Choices, Filters, build_feed, build_filter_bar
from trailmark.pages.feed.filters import FilterBar

CHOICES = Choices(
    kinds={"cell": 1200, "note": 2},
    tools=("jupyterlab", "terminal"),
    notebooks=("code/a.ipynb", "code/b.ipynb"),
    people=("Ada", "Grace"),
    branches=("main", "other"),
)


def bar_of(filters: Filters) -> FilterBar:
    return build_filter_bar(filters, CHOICES, LINKS, now=NOW, zone=UTC)


def rendered(filters: Filters) -> str:
    feed = build_feed([], links=LINKS, now=NOW, filters=filters)
    template = environment().get_template("pages/feed/feed.html")
    return template.render(frame=frame(), feed=feed, bar=bar_of(filters))


def test_an_address_says_what_is_wanted() -> None:
    filters = Filters.parse(
        {"search": " bill ", "kind": "cell", "tool": "", "strange": "x", "since": "2026-11-17"}
    )
    assert filters == Filters(search="bill", kind="cell", since="2026-11-17")
    assert filters.active
    assert not Filters.parse({}).active


@pytest.mark.parametrize(
    "query", [{"kind": "cells"}, {"status": "fine"}, {"since": "yesterday"}, {"until": "2026-13-01"}]
)
def test_what_cannot_be_wanted_is_refused_with_a_reason(query: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="is no"):
        Filters.parse(query)


def test_days_are_whole_days() -> None:
    filters = Filters(since="2026-11-22", until="2026-11-22")
    since, until = filters.since_time(UTC), filters.until_time(UTC)
    assert since is not None
    assert until is not None
    assert until - since == 86400
    assert since <= NOW - 86400 < until
    assert Filters().since_time() is None


def test_the_legend_turns_kinds_on_and_off() -> None:
    cell, note = bar_of(Filters(kind="cell", search="x")).legend
    assert (cell.chosen, cell.count, cell.href) == (True, 1200, "/p/ada/penguins/activity?search=x")
    assert note.href == "/p/ada/penguins/activity?search=x&kind=note"


def test_each_filter_in_force_can_be_taken_away() -> None:
    bar = bar_of(Filters(kind="cell", search="bill depth", status="error"))
    assert [(item.label, item.value) for item in bar.active] == [
        ("containing", "“bill depth”"),
        ("kind", "Notebook cells"),
        ("status", "Errors"),
    ]
    assert bar.active[1].without == "/p/ada/penguins/activity?search=bill+depth&status=error"


def test_the_form_works_without_script() -> None:
    page = Page(rendered(Filters(kind="cell", tool="terminal", person="Grace", search='a "b"')))
    form = page.one("form", _class="filter-form")
    assert (form.attributes["method"], form.attributes["action"]) == ("get", "/p/ada/penguins/activity")
    names = {element.attributes.get("name") for tag in ("input", "select") for element in page.find(tag)}
    assert names >= {
        "search",
        "status",
        "notebook",
        "file",
        "tool",
        "person",
        "actor",
        "branch",
        "since",
        "until",
        "kind",
    }
    chosen = [option.attributes["value"] for option in page.find("option") if "selected" in option.attributes]
    assert "terminal" in chosen
    assert "Grace" in chosen


def test_hostile_filters_stay_text() -> None:
    assert_inert(rendered(Filters(search=HOSTILE, file=HOSTILE, tool=HOSTILE, person=HOSTILE)))


def test_short_spans_of_time_are_one_click_away() -> None:
    assert [(span.label, span.value) for span in bar_of(Filters()).spans] == [
        ("Today", "2026-11-23"),
        ("7 days", "2026-11-17"),
        ("30 days", "2026-10-25"),
    ]
