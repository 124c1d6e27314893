"""Making room from the machine's page: what nothing uses is shown, then asked about, then removed."""

import os
import time

from trailmark.wiring import Services

from .conftest import Browser


def make_old(services: Services, digest: str):
    folder = services.settings.home / "environments" / digest
    folder.mkdir(parents=True)
    (folder / "trailmark.json").write_text("{}")
    (folder / "large").write_bytes(b"x" * 2_000_000)
    os.utime(folder / "trailmark.json", (time.time() - 40 * 86400,) * 2)
    return folder


def test_where_everything_is_in_use_it_says_so(browser: Browser) -> None:
    assert 'href="/machine/unused"' in browser.http.get("/machine").text
    answer = browser.http.get("/machine/unused", follow_redirects=True)
    assert "Nothing here is without use." in answer.text


def test_what_goes_is_shown_first_and_goes_when_confirmed(browser: Browser, services: Services) -> None:
    folder = make_old(services, "a" * 64)
    page = browser.http.get("/machine/unused").text
    assert "Remove what nothing uses?" in page
    assert "2.0 MB" in page
    assert "a" * 30 in page
    asked = browser.post("/machine/unused")
    assert "Remove what nothing uses?" in asked.text
    assert folder.exists()
    done = browser.post("/machine/unused", sure="1")
    assert "What nothing uses is gone." in done.text
    assert not folder.exists()
