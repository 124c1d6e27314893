"""A long trail that was never read in is shown at once, newest first."""

import re
from dataclasses import replace
from html import unescape

import pytest

from trailmark.activity.index import Index
from trailmark.errors import TrailmarkError
from trailmark.projects.new import new_project
from trailmark.projects.note import add_note
from trailmark.projects.project import Project
from trailmark.settings import Settings
from trailmark.web.reading import NOTICE, Reading, index_of, window_of
from trailmark.web.trail import fresh_index, index_with, shown_index

from .conftest import Browser

FEED = "/p/ada/tides/activity"


class Asked(Reading):
    """Reads nothing in until it is told to."""

    def __init__(self, newest: int) -> None:
        super().__init__(newest)
        self.asked: list[Project] = []

    def begin(self, project: Project) -> None:
        self.asked.append(project)


@pytest.fixture
def project(settings: Settings) -> Project:
    made = new_project("tides", settings)
    for number in range(8):
        add_note(made, f"Remark {number}")
    return made


def test_the_newest_are_shown_before_the_rest_is_read_in(project: Project) -> None:
    reading = Asked(newest=3)
    with shown_index(project, reading) as shown:
        assert not shown.is_whole
        assert [row.text for row in shown.index.page()] == ["Remark 7", "Remark 6", "Remark 5"]
    assert reading.asked == [project]
    with Index.open(index_of(project)) as index:
        assert not index.count(), "nobody waited for it"


def test_once_read_in_the_whole_trail_is_shown(project: Project) -> None:
    reading = Reading(newest=3)
    with shown_index(project, reading) as shown:
        assert not shown.is_whole
    reading.wait()
    assert not window_of(project).exists()
    with shown_index(project, reading) as shown:
        assert shown.is_whole
        assert shown.index.count() == 9


def test_an_old_record_is_waited_for(project: Project) -> None:
    reading = Asked(newest=3)
    with Index.open(project.state / "other.sqlite") as other:
        other.refresh(project.repository)
        rows = other.page()
    for row in rows:
        with index_with(project, reading, row.id) as index:
            assert index.row(row.id).text == row.text


def test_a_trail_that_cannot_be_read_in_harms_no_page(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reading = Reading(newest=3)
    with monkeypatch.context() as patch:
        patch.setattr("trailmark.web.reading.Repository.open", _refuse)
        with shown_index(project, reading) as shown:
            reading.wait()
            assert len(shown.index.page()) == 3
    assert "the next page tries again" in caplog.text
    with shown_index(project, reading):
        reading.wait()
    with shown_index(project, reading) as shown:
        assert shown.is_whole


def _refuse(_path: object) -> None:
    raise TrailmarkError("The disk is full.")


def test_the_page_says_so_and_asks_again(browser: Browser, project: Project) -> None:
    site = browser.app.state.site
    site.reading.newest = 3
    first = browser.http.get(FEED).text
    assert "Remark 7" in first
    assert NOTICE in first
    assert "Older records are being read in." in first
    site.reading.wait()
    with Index.open(index_of(project)) as index:
        oldest = index.page(limit=3)[-1].id
    older = browser.http.get(f"{FEED}?part=days&before={oldest}").text
    assert "Remark 4" in older
    assert "Remark 5" not in older
    assert NOTICE not in browser.http.get(FEED).text


def test_a_search_that_finds_nothing_yet_is_asked_again(browser: Browser, project: Project) -> None:
    site = browser.app.state.site
    browser.app.state.site = replace(site, reading=Asked(newest=3))
    address = f"{FEED}?search=Remark+1"
    for _ in range(2):
        page = browser.http.get(address).text
        assert "Nothing on the trail fits" not in page
        found = re.search(r'class="older" hx-get="([^"]+)"', page)
        assert found
        asked = unescape(found[1])
        again = browser.http.get(asked).text
        assert "Older records are being read in." in again
        assert asked in unescape(again), "the same is asked until it is there"
    with fresh_index(project):
        pass
    whole = browser.http.get(asked).text
    assert whole.count("data-record=") == 1
    assert "being read in" not in whole


def test_overview_and_record_do_not_wait(browser: Browser, project: Project) -> None:
    site = browser.app.state.site
    site.reading.newest = 3
    overview = browser.http.get("/p/ada/tides/").text
    assert "Remark 7" in overview
    assert "All records" in overview
    site.reading.wait()
    assert "9 records in all" in browser.http.get("/p/ada/tides/").text
