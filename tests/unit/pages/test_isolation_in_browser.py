"""What hostile outputs can reach, tried in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.unit.pages.page_samples import LINKS, environment, figure, frame, stored, text_output
from tests.unit.pages.page_server import Site, page, served

from trailmark.pages.isolate import isolated_headers, render_document
from trailmark.pages.record import Surroundings, build_record

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ATTEMPTS = {
    "reads the page around it": "return parent.document.title + top.document.body.innerHTML",
    "reads the cookie": "if (document.cookie) return document.cookie; throw 0",
    "reads the storage": "return localStorage.getItem('x') + sessionStorage.length",
    "asks the server": "return fetch('/secret').then(a => a.text())",
    "asks with a request of the old kind": """return new Promise((done, fail) => { const r = new XMLHttpRequest();
        r.open('GET', '/secret'); r.onload = () => done(r.responseText); r.onerror = fail; r.send() })""",
    "loads a picture": """return new Promise((done, fail) => { const i = new Image();
        i.onload = i.onerror = e => fail(e); i.src = '/secret?picture' })""",
    "sends a form": """const f = document.createElement('form'); f.action = '/secret?form'; f.method = 'post';
        document.body.append(f); f.submit(); throw 0""",
    "leads the page away": "top.location = '/secret?top'; throw 0",
    "opens a window": "const w = window.open('/secret?window'); if (w) return 'opened'; throw 0",
    "frames our page": """const f = document.createElement('iframe'); f.src = '/secret?frame';
        document.body.append(f); throw 0""",
    "sends a beacon": "if (navigator.sendBeacon('/secret?beacon', 'x')) throw 0; throw 1",
    "starts a worker": """return new Promise((done, fail) => {
        const w = new Worker('/secret?worker'); w.onmessage = done; w.onerror = fail })""",
    "imports a module": "return import('/secret?module')",
}
REPORT = """<script>(async () => {{ let said;
  try {{ said = 'REACHED ' + await (async () => {{ {body} }})(); }} catch (error) {{ said = 'kept out'; }}
  document.title = said; parent.postMessage({{ trailmarkHeight: 77, said }}, '*'); }})()</script>"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as served_site:
        yield served_site


def serve_record(site: Site, payload: bytes, mime: str = "text/html") -> str:
    record = stored(outputs=(text_output(mime), figure(1, "image/svg+xml")))
    html = environment().get_template("pages/record/record.html")
    shown = html.render(frame=frame(), page=build_record(record, Surroundings(), LINKS))
    address = LINKS.record("01KRECORD")
    site.answers[address] = page(shown)
    site.answers["/secret"] = ({"Content-Type": "text/html"}, b"the secret")
    site.answers[f"{address}/outputs/0/frame"] = isolated_headers("text/html"), render_document(mime, payload)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>fetch("/secret?svg")</script></svg>'
    site.answers[f"{address}/outputs/1"] = isolated_headers("image/svg+xml"), svg
    return address


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_output_reaches_nothing(site: Site, browser: Browser, attempt: str) -> None:
    address = serve_record(site, REPORT.format(body=ATTEMPTS[attempt]).encode())
    context = browser.new_context()
    shown = context.new_page()
    shown.add_init_script("addEventListener('message', e => { if (e.data.said) window.heard = e.data.said })")
    shown.goto(site.base + address)
    shown.locator("iframe").scroll_into_view_if_needed()
    if attempt not in ("sends a form", "leads the page away", "loads a picture"):
        shown.wait_for_function("window.heard")
    shown.wait_for_timeout(300)
    assert shown.evaluate("window.heard || 'kept out'") == "kept out"
    assert shown.url == site.base + address
    assert not [path for path in site.paths() if path.startswith("/secret")]
    context.close()


@pytest.mark.parametrize("attempt", ["reads the cookie", "asks the server", "reads the storage"])
def test_an_output_opened_by_itself_reaches_nothing(site: Site, browser: Browser, attempt: str) -> None:
    address = serve_record(site, REPORT.format(body=ATTEMPTS[attempt]).encode())
    context = browser.new_context()
    context.add_cookies([{"name": "key", "value": "secret", "url": site.base}])
    alone = context.new_page()
    alone.goto(f"{site.base}{address}/outputs/0/frame")
    alone.wait_for_function("document.title")
    assert alone.title() == "kept out"
    alone.goto(f"{site.base}{address}/outputs/1")
    alone.wait_for_timeout(200)
    assert not [path for path in site.paths() if path.startswith("/secret")]
    context.close()


def test_javascript_output_runs_where_it_belongs(site: Site, browser: Browser) -> None:
    address = serve_record(site, b"element.textContent = 'drawn </script>'", "application/javascript")
    shown = browser.new_page()
    shown.goto(site.base + address)
    shown.locator("iframe").scroll_into_view_if_needed()
    inside = shown.frame_locator("iframe").locator("#output")
    inside.wait_for()
    assert inside.text_content() == "drawn </script>"
    shown.close()


def test_a_frame_is_as_tall_as_what_it_shows(site: Site, browser: Browser) -> None:
    address = serve_record(site, b'<div style="height: 432px">tall</div>')
    shown = browser.new_page()
    shown.goto(site.base + address)
    shown.locator("iframe").scroll_into_view_if_needed()
    shown.wait_for_function("document.querySelector('iframe.fitted')")
    assert 432 <= shown.locator("iframe").bounding_box()["height"] <= 440  # type: ignore[index]
    shown.evaluate("window.postMessage({ trailmarkHeight: 5000 }, '*')")
    shown.wait_for_timeout(200)
    assert shown.locator("iframe").bounding_box()["height"] <= 440  # type: ignore[index]
    shown.close()


def test_what_an_output_was_not_allowed_to_load_is_said(site: Site, browser: Browser) -> None:
    address = serve_record(site, b'<script src="https://cdn.example.org/plot.js"></script><p>x</p>')
    shown = browser.new_page()
    shown.goto(site.base + address)
    shown.locator("iframe").scroll_into_view_if_needed()
    words = shown.frame_locator("iframe").locator("#trailmark-blocked")
    words.wait_for()
    assert "cdn.example.org" in (words.text_content() or "")
    shown.close()
