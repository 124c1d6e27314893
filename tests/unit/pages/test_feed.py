from datetime import UTC
from typing import Any

import pytest
from tests.unit.pages.page_samples import (
    HOSTILE,
    LINKS,
    NOW,
    Page,
    assert_inert,
    environment,
    figure,
    frame,
    row,
    text_output,
)

from trailmark.activity import FileRef
from trailmark.activity.index import Row
from trailmark.pages.feed import Choices, Filters, Fold, Step, build_feed, build_filter_bar, build_step
from trailmark.pages.feed.days import fold

DAY = 86400


def feed_of(rows: list[Row], **options: Any) -> Any:
    return build_feed(rows, links=LINKS, now=NOW, zone=UTC, **options)


def rendered(rows: list[Row], filters: Filters | None = None, live: bool = False, **options: Any) -> str:
    bar = build_filter_bar(filters or Filters(), Choices(kinds={"cell": 3}), LINKS, now=NOW, zone=UTC)
    feed = feed_of(rows, filters=filters, **options)
    return (
        environment()
        .get_template("pages/feed/feed.html")
        .render(
            frame=frame(live=live, session_url="http://127.0.0.1:9/lab" if live else None), feed=feed, bar=bar
        )
    )


def quiet(number: int, **facts: Any) -> Row:
    return row(number, ago=number * 10.0, code=f"x = {number}", title=f"x = {number}", **facts)


def test_records_stand_under_their_days() -> None:
    rows = [row(1), row(2, ago=3600), row(3, ago=DAY), row(4, ago=3 * DAY), row(5, ago=40 * DAY)]
    feed = feed_of(rows)
    assert [day.name for day in feed.days] == ["Today", "Yesterday", "Friday", "14 October"]
    assert [len(day.items) for day in feed.days] == [2, 1, 1, 1]


def test_a_day_that_the_page_before_began_is_not_announced_again() -> None:
    feed = feed_of([row(1), row(2, ago=DAY)], after_day="2026-11-23")
    assert [day.continued for day in feed.days] == [True, False]


def test_what_is_still_being_read_in_is_asked_for_again() -> None:
    feed = feed_of([row(1)], reading_before="")
    assert feed.reading
    assert feed.older.endswith(f"before={row(1).id}&part=days&day=2026-11-23")
    empty = feed_of([], reading_before="01K", after_day="2026-11-23")
    assert empty.older.endswith("before=01K&part=days&day=2026-11-23")
    assert "load delay" in rendered([], reading_before="")
    assert "begins" not in rendered([], reading_before="")
    assert not feed_of([row(1)], reading_before="", more=True).reading


def test_the_next_page_knows_where_to_go_on() -> None:
    feed = feed_of([row(1), row(2, ago=DAY)], more=True, filters=Filters(kind="cell"))
    assert feed.older.startswith("/p/ada/penguins/activity?kind=cell&before=01K")
    assert "part=days" in feed.older
    assert "day=2026-11-22" in feed.older
    assert "part" not in feed.older_plain
    page = Page(rendered([row(1)], more=True))
    assert page.one("div", _class="older").attributes["hx-trigger"] == "revealed"
    assert "part" not in (
        page.one("a", _class="small", href=feed_of([row(1)], more=True).older_plain).attributes["href"] or ""
    )


def test_the_beginning_of_the_trail_is_marked() -> None:
    assert "The trail begins here." in rendered([row(1)])
    assert "The trail begins here." not in rendered([row(1)], more=True)


def test_quiet_steps_in_a_row_become_one_line() -> None:
    items = feed_of([quiet(n) for n in range(1, 7)]).days[0].items
    assert len(items) == 1
    assert isinstance(items[0], Fold)
    assert [step.id[-1] for step in items[0].steps] == list("123456")
    page = Page(rendered([quiet(n) for n in range(1, 7)]))
    assert "6 quiet steps" in page.one("details", _class="fold").text
    assert len(page.find("li", _class="step")) == 6


def test_three_quiet_steps_stay_as_they_are() -> None:
    items = feed_of([quiet(n) for n in range(1, 4)]).days[0].items
    assert not any(isinstance(item, Fold) for item in items)


def test_what_has_something_to_show_is_never_folded() -> None:
    def items(loud: Row) -> int:
        return len(feed_of([quiet(1), quiet(2), quiet(3), quiet(4), loud]).days[0].items)

    assert items(quiet(5)) == 1
    for facts in (
        {"outputs": (figure(),)},
        {"status": "error", "error": "KeyError: 1"},
        {"status": "interrupted"},
        {"seconds": 60.0},
        {"writes": (FileRef("output/a.png"),)},
        {"reads": (FileRef("input/a.csv"),)},
        {"text": "\n".join("abcdefghij")},
        {"actor": "program:robot"},
        {"source": "code/other.ipynb#c1"},
        {"continues": "01K"},
    ):
        assert items(quiet(5, **facts)) == 2, facts


def test_folds_end_where_the_notebook_changes() -> None:
    here = [build_step(quiet(n), LINKS) for n in range(1, 5)]
    there = [build_step(quiet(n, source="code/b.ipynb#c"), LINKS) for n in range(5, 9)]
    assert [len(item.steps) for item in fold([*here, *there]) if isinstance(item, Fold)] == [4, 4]


def test_saving_a_notebook_does_not_interrupt_a_quiet_run() -> None:
    saved = row(
        3, kind="files", title="Saved it", code=None, source=None, writes=(FileRef("code/analysis.ipynb"),)
    )
    items = feed_of([quiet(1), quiet(2), saved, quiet(4), quiet(5)]).days[0].items
    assert [len(item.steps) for item in items if isinstance(item, Fold)] == [5]
    more = row(
        3, kind="files", code=None, source=None, writes=(FileRef("code/analysis.ipynb"), FileRef("a.csv"))
    )
    assert len(feed_of([quiet(1), quiet(2), more, quiet(4), quiet(5)]).days[0].items) == 5


def test_files_of_the_same_name_are_told_apart() -> None:
    step = build_step(
        row(writes=(FileRef("code/.gitkeep"), FileRef("input/.gitkeep"), FileRef("a/b.csv"))), LINKS
    )
    assert [chip.name for chip in step.files] == ["code/.gitkeep", "input/.gitkeep", "b.csv"]


def test_nothing_is_folded_while_somebody_searches() -> None:
    items = feed_of([quiet(n) for n in range(1, 7)], filters=Filters(search="x")).days[0].items
    assert all(isinstance(item, Step) for item in items)


def test_a_comment_above_the_code_is_its_headline() -> None:
    step = build_step(row(code="# Bill against depth #\n\nplot()\n"), LINKS)
    assert step.headline == "Bill against depth"
    assert step.code is not None
    assert "Bill" not in step.code.body
    assert build_step(row(code="# %% cell\nplot()"), LINKS).headline is None
    assert build_step(row(code="# only a comment"), LINKS).headline is None
    assert build_step(row(kind="command", code="# Bill\nls"), LINKS).headline is None


def test_long_code_and_text_are_cut_and_say_so() -> None:
    step = build_step(row(code="\n".join(f"a{n}" for n in range(40)), text="\n".join("x" * 30)), LINKS)
    assert step.code is not None
    assert step.code.more == 33
    assert step.text is not None
    assert step.text.more == 26
    assert build_step(row(code="\n".join("abcdefghi")), LINKS).code.more == 0  # type: ignore[union-attr]


def test_what_libraries_say_about_figures_is_left_out() -> None:
    assert (
        build_step(row(text="<Figure size 640x480 with 1 Axes>\n", outputs=(figure(),)), LINKS).text is None
    )


def test_figures_are_shown_once_each() -> None:
    outputs = (
        figure(0),
        figure(0, "image/svg+xml"),
        text_output(group=0),
        figure(1),
        *(figure(n) for n in range(2, 8)),
    )
    step = build_step(row(outputs=outputs), LINKS)
    assert [thumb.src for thumb in step.thumbs][:2] == [
        "/p/ada/penguins/activity/01K00000000000000000000001/outputs/0",
        "/p/ada/penguins/activity/01K00000000000000000000001/outputs/3",
    ]
    assert len(step.thumbs) == 4
    assert step.more_thumbs == 4


def test_what_the_feed_cannot_show_is_named() -> None:
    step = build_step(
        row(
            outputs=(
                text_output("text/html", group=0),
                text_output(group=0),
                text_output("text/html", group=1),
            )
        ),
        LINKS,
    )
    assert step.extras == ("2 × HTML view",)


def test_files_are_chips_that_lead_to_what_they_were() -> None:
    step = build_step(
        row(
            reads=(
                FileRef("input/a.csv", bytes=10),
                FileRef("/data/b.csv", external=True),
                FileRef("output/p.png"),
            ),
            writes=(FileRef("output/p.png"), FileRef("output/big.bin", bytes=20_000_000, held=False)),
            deletes=("old.csv",),
        ),
        LINKS,
    )
    assert [(chip.role, chip.name, chip.href is not None, chip.note) for chip in step.files] == [
        ("read", "a.csv", True, None),
        ("read", "b.csv", False, "outside the project"),
        ("write", "p.png", True, None),
        ("write", "big.bin", False, "20 MB, too large for git"),
        ("deleted", "old.csv", False, None),
    ]
    assert step.files[0].href == f"/p/ada/penguins/files/input/a.csv?at={step.id}"


def test_people_are_named_where_it_matters_and_programs_always() -> None:
    assert build_step(row(), LINKS, me="Ada Lovelace").who is None
    other = build_step(row(), LINKS, me="Grace Hopper").who
    assert other is not None
    assert (other.name, other.program) == ("Ada Lovelace", False)
    program = build_step(row(actor="program:robot"), LINKS, me="Ada Lovelace").who
    assert program is not None
    assert (program.name, program.program) == ("robot", True)


@pytest.mark.parametrize("status", ["error", "interrupted", "aborted", "lost"])
def test_what_did_not_go_well_says_how(status: str) -> None:
    words = {"error": "Error", "interrupted": "Interrupted", "aborted": "Not run", "lost": "Lost"}
    assert words[status] in rendered([row(status=status)])


def test_an_error_shows_its_last_line() -> None:
    step = build_step(row(status="error", error="Traceback\n  \x1b[31mKeyError\x1b[0m: 'mass'\n\n"), LINKS)
    assert step.error == "KeyError: 'mass'"


def test_notes_are_read_in_the_feed_and_counted_where_they_belong() -> None:
    html = rendered([row(1, kind="note", text="Use the **bill**", detail={"about": "01KX"}), row(2, notes=2)])
    page = Page(html)
    assert page.one("div", _class="note-text").text.strip() == "Use the bill"
    assert page.find("a", href="/p/ada/penguins/activity/01KX")
    assert page.one("a", _class="noted-on").text == "2 notes"
    assert (page.one("a", _class="noted-on").attributes["href"] or "").endswith("#notes")


def test_commits_without_a_record_lead_to_their_files() -> None:
    commit = "c" * 40
    outside, missing = (
        row(id=commit, kind=kind, title="By hand", source=None, code=None) for kind in ("outside", "missing")
    )
    assert build_step(outside, LINKS).href == f"/p/ada/penguins/files/?at={commit}"
    assert build_step(outside, LINKS).problem is None
    assert build_step(missing, LINKS).tone == "bad"
    assert "trailmark verify" in rendered([missing])
    assert "cannot be read any more" in rendered([row(detail={"damaged": True})])


def test_hostile_content_stays_text() -> None:
    for place in ("title", "code", "text", "error", "author", "actor", "tool", "source"):
        value = f"program:{HOSTILE}" if place == "actor" else HOSTILE
        html = rendered([row(**{place: value}, kind="cell"), row(2, ago=1, kind="files", title=HOSTILE)])
        assert_inert(html)
    assert_inert(
        rendered([row(kind="note", text=HOSTILE), row(2, reads=(FileRef(HOSTILE),), deletes=(HOSTILE,))])
    )
    assert_inert(rendered([row(kind="from the future", title=HOSTILE, status="ok")]))


def test_every_step_has_an_anchor_and_a_way_to_open_it() -> None:
    page = Page(rendered([row(1), row(2, ago=9, code="# Title\nx = 1")]))
    for step in page.find("li", _class="step"):
        assert step.attributes["id"] == step.attributes["data-record"]
    assert len([link for link in page.find("a") if "data-open" in link.attributes]) == 2


def test_an_empty_trail_teaches() -> None:
    page = Page(rendered([]))
    assert "Launch JupyterLab and run a cell" in page.one("div", _class="empty").text
    assert not page.find("aside")


def test_a_search_without_hits_says_how_to_go_on() -> None:
    page = Page(rendered([], Filters(search="nowhere")))
    assert "Nothing on the trail fits" in page.one("div", _class="empty").text
    assert page.find("aside")


def test_a_live_session_is_said_where_the_trail_grows() -> None:
    assert "Recording." in rendered([row()], live=True)
    assert "Recording." not in rendered([row()], Filters(kind="cell"), live=True)


def test_pages_of_the_past_ask_for_nothing_new() -> None:
    assert feed_of([row()], filters=Filters(until="2026-11-20")).newer is None
    feed = feed_of([row()], filters=Filters(kind="cell"))
    assert feed.newer == "/p/ada/penguins/activity?kind=cell&part=days"
    assert feed.newest == row().id
