"""The trail in a real browser: keys, folds, the next page, news, themes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.unit.pages.page_samples import LINKS, NOW, environment, frame, row, stored
from tests.unit.pages.page_server import HTML, Answer, Site, page, served

from trailmark.activity.index import Row
from trailmark.pages.feed import Choices, Filters, build_feed, build_filter_bar
from trailmark.pages.record import Surroundings, build_record

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEED = LINKS.activity()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1100, "height": 700})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield opened
    opened.close()
    assert not problems


class Trail:
    """A trail that grows: what the client would answer."""

    def __init__(self, rows: list[Row], size: int) -> None:
        self.rows = rows
        self.size = size
        self.around = replace(frame(live=True), events="/events")

    def answer(self, query: dict[str, str]) -> Answer:
        part = query.get("part")
        rows = self.rows
        if query.get("after"):
            rows = rows[: [item.id for item in rows].index(query["after"])]
        if query.get("before"):
            rows = rows[[item.id for item in rows].index(query["before"]) + 1 :]
        feed = build_feed(
            rows[: self.size],
            links=LINKS,
            now=NOW,
            zone=UTC,
            more=len(rows) > self.size and not query.get("after"),
            after_day=query.get("day"),
        )
        choices = Choices(kinds={"cell": len(self.rows)})
        bar = build_filter_bar(Filters(), choices, LINKS, now=NOW, zone=UTC)
        if part == "days":
            shown = environment().get_template(f"pages/feed/{'news' if query.get('after') else 'days'}.html")
            return HTML, shown.render(feed=feed, bar=bar).encode()
        whole = environment().get_template("pages/feed/feed.html")
        return page(whole.render(frame=self.around, feed=feed, bar=bar))


def loud(number: int, ago: float) -> Row:
    return row(
        number, ago=ago, code=f"# Step {number}\nplot()", title="plot()", writes=(), status="interrupted"
    )


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as served_site:
        yield served_site


def ids(tab: Page) -> list[str]:
    return [
        item[-3:]
        for item in tab.eval_on_selector_all("[data-record]", "all => all.map(r => r.dataset.record)")
    ]


def test_the_next_page_comes_while_one_scrolls(site: Site, tab: Page) -> None:
    trail = Trail([loud(900 - n, n * 3000.0) for n in range(60)], 20)
    site.dynamic[FEED] = trail.answer
    tab.goto(site.base + FEED)
    assert len(ids(tab)) == 20
    for _ in range(20):
        tab.mouse.wheel(0, 4000)
        tab.wait_for_timeout(100)
        if tab.locator(".trailhead").count():
            break
    assert ids(tab) == [f"{900 - n}" for n in range(60)]
    visible = tab.locator(".day-head:visible h2").all_text_contents()
    assert visible == ["Today", "Yesterday", "Saturday"]


def test_news_arrives_on_top_and_waits_while_one_reads(site: Site, tab: Page) -> None:
    trail = Trail([loud(100 - n, 60.0 + n) for n in range(30)], 50)
    site.dynamic[FEED] = trail.answer
    tab.goto(site.base + FEED)
    tab.wait_for_timeout(300)
    trail.rows.insert(0, loud(101, 10))
    site.events.set()
    tab.wait_for_selector(f"[data-record='{loud(101, 0).id}']")
    assert ids(tab)[:2] == ["101", "100"]
    assert tab.locator(".day").count() == 1
    tab.mouse.wheel(0, 2000)
    tab.wait_for_timeout(200)
    before = tab.evaluate("scrollY")
    trail.rows.insert(0, loud(102, 5))
    site.events.set()
    tab.wait_for_selector("[data-show-new]:not([hidden])")
    assert tab.locator("[data-show-new]").text_content() == "1 new record"
    assert ids(tab)[0] == "101"
    assert tab.evaluate("scrollY") == before
    tab.click("[data-show-new]")
    tab.wait_for_selector(f"[data-record='{loud(102, 0).id}']")
    assert ids(tab)[:3] == ["102", "101", "100"]


def test_news_fills_an_empty_trail(site: Site, tab: Page) -> None:
    trail = Trail([], 50)
    site.dynamic[FEED] = trail.answer
    tab.goto(site.base + FEED)
    assert tab.locator(".empty").count() == 1
    tab.wait_for_timeout(300)
    trail.rows.append(loud(1, 5))
    site.dynamic[FEED] = lambda query: trail.answer(
        {key: value for key, value in query.items() if key != "after"}
    )
    site.events.set()
    tab.wait_for_selector("[data-record]")
    assert tab.locator(".empty").count() == 0


def test_keys_lead_along_the_trail(site: Site, tab: Page) -> None:
    site.dynamic[FEED] = Trail([loud(100 - n, n * 60.0) for n in range(5)], 50).answer
    tab.goto(site.base + FEED)
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    assert tab.locator(".current").get_attribute("id", timeout=2000)[-3:] == "099"  # type: ignore[index]
    tab.keyboard.press("k")
    assert tab.locator(".current").get_attribute("id")[-3:] == "100"  # type: ignore[index]
    assert tab.evaluate("document.activeElement.matches('[data-open]')")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "search"
    tab.keyboard.type("jj")
    assert tab.locator("input[data-search]").input_value() == "jj"
    tab.keyboard.press("Tab")
    tab.keyboard.press("?")
    assert tab.locator("#shortcuts").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("#shortcuts").is_visible()


def test_quiet_steps_unfold_by_key_and_for_a_deep_link(site: Site, tab: Page) -> None:
    rows = [row(20 - n, ago=n * 5.0, code=f"x = {n}", title=f"x = {n}") for n in range(6)]
    site.dynamic[FEED] = Trail(rows, 50).answer
    tab.goto(site.base + FEED)
    fold = tab.locator("details.fold")
    assert not tab.locator(".step").first.is_visible()
    tab.keyboard.press("x")
    assert tab.locator(".step").first.is_visible()
    tab.keyboard.press("x")
    assert fold.get_attribute("open") is None
    tab.goto(f"{site.base}{FEED}#{rows[3].id}")
    assert tab.locator(f"[id='{rows[3].id}']").is_visible()


def test_the_theme_is_chosen_and_kept(site: Site, tab: Page) -> None:
    site.dynamic[FEED] = Trail([loud(1, 1)], 50).answer
    tab.goto(site.base + FEED)
    paper = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(paper) == "rgb(246, 244, 237)"
    tab.click("[data-theme-toggle]")
    tab.click("[data-theme-toggle]")
    assert tab.evaluate(paper) == "rgb(19, 23, 20)"
    assert "trailmark-theme=dark" in tab.evaluate("document.cookie")


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_nothing_is_wider_than_the_page(site: Site, tab: Page, width: int) -> None:
    rows = [
        row(1, code="x = '" + "long " * 200 + "'", text="word" * 300, title="t" * 300),
        row(2, ago=9, kind="files", title="w" * 300, source="code/" + "n" * 200 + ".ipynb#c", code=None),
        row(3, ago=9, kind="note", text="u" * 500, actor="program:" + "p" * 90),
    ]
    site.dynamic[FEED] = Trail(rows, 50).answer
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(site.base + FEED)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_legend_counts_what_arrives(site: Site, tab: Page) -> None:
    trail = Trail([loud(100 - n, 60.0 + n) for n in range(3)], 50)
    site.dynamic[FEED] = trail.answer
    tab.goto(site.base + FEED)
    expect(tab.locator(".legend .tally")).to_have_text("3")
    trail.rows.insert(0, loud(101, 1.0))
    tab.evaluate("document.body.dispatchEvent(new CustomEvent('tm:records'))")
    expect(tab.locator(".legend .tally")).to_have_text("4")
    tab.get_by_label("Text").fill("half a w")
    trail.rows.insert(0, loud(102, 0.5))
    tab.evaluate("document.body.dispatchEvent(new CustomEvent('tm:records'))")
    expect(tab.locator("[data-record]")).to_have_count(5)
    assert tab.get_by_label("Text").input_value() == "half a w"


def test_the_open_tab_is_in_sight_on_a_phone(site: Site, tab: Page) -> None:
    trail = Trail([loud(1, 60.0)], 50)
    around = frame()
    assert around.project is not None
    trail.around = replace(around, project=replace(around.project, tab="settings"))
    site.dynamic[FEED] = trail.answer
    tab.set_viewport_size({"width": 360, "height": 700})
    tab.goto(site.base + FEED)
    box = tab.locator(".tabs [aria-current]").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360


@pytest.mark.parametrize("width", [360, 1280])
def test_what_can_be_done_from_a_record_is_asked_on_the_page(site: Site, tab: Page, width: int) -> None:
    record = build_record(stored("x = '" + "long " * 200 + "'"), Surroundings(), LINKS)
    site.answers[LINKS.record("01KRECORD")] = page(
        environment().get_template("pages/record/record.html").render(frame=frame(), page=record)
    )
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(site.base + LINKS.record("01KRECORD"))
    for label in ("Go back to here", "Branch from here"):
        tab.click(f"summary:has-text('{label}')")
        box = tab.locator(".ask[open] form").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        tab.keyboard.press("Escape")
        assert tab.locator(".ask[open]").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_filters_leave_out_what_is_empty(site: Site, tab: Page) -> None:
    site.dynamic[FEED] = Trail([loud(1, 1)], 50).answer
    tab.goto(site.base + FEED)
    tab.select_option("select[name=status]", "error")
    tab.wait_for_url("**status=error*")
    assert tab.url == f"{site.base}{FEED}?status=error"
