"""Nobody but the person who holds the key gets in, through any route."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from trailmark.web.app import create_app
from trailmark.web.security import KEY_PATH, SAFE_METHODS, Door
from trailmark.wiring import Services

from .conftest import PORT, Browser

HTML = {"Accept": "text/html"}


def iter_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and address of the application, with something in place of each parameter."""
    found = [
        (method, re.sub(r"\{[^}]+\}", "x", context.path))
        for context in iter_route_contexts(app.routes)
        for method in sorted((context.methods or set()) - {"HEAD"})
        if context.path
    ]
    assert len(found) > 10
    yield from found


def test_every_route_refuses_a_browser_without_cookie(app: FastAPI, stranger: TestClient) -> None:
    for method, path in iter_routes(app):
        assert stranger.request(method, path).status_code == 403, (method, path)


def test_every_route_refuses_a_wrong_or_forged_cookie(app: FastAPI, door: Door, stranger: TestClient) -> None:
    stranger.cookies.set(door.cookie, "A" * 43)
    for method, path in iter_routes(app):
        assert stranger.request(method, path).status_code == 403, (method, path)


@pytest.mark.parametrize(
    "host",
    [
        *("example.org", "127.0.0.1", "127.0.0.1:1", f"example.org:{PORT}", f"127.0.0.1.example.org:{PORT}"),
        *(
            f"01session.localhost:{PORT}",
            f"trailmark.localhost:{PORT}",
            f"localhost.:{PORT}",
            "localhost",
            "",
        ),
    ],
)
def test_every_route_refuses_another_host(app: FastAPI, browser: Browser, host: str) -> None:
    for method, path in iter_routes(app):
        answer = browser.http.request(method, path, headers={"Host": host, **browser.header})
        assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://example.org",
        f"https://127.0.0.1:{PORT}",
        "http://127.0.0.1:8888",
        f"http://localhost:{PORT}",
        f"http://01session.localhost:{PORT}",
        f"http://127.0.0.1:{PORT}.example.org",
        f"http://example.org?http://127.0.0.1:{PORT}",
    ],
)
def test_every_route_refuses_another_origin(app: FastAPI, browser: Browser, origin: str) -> None:
    for method, path in iter_routes(app):
        answer = browser.http.request(method, path, headers={"Origin": origin, **browser.header})
        assert answer.status_code == 403, (method, path)


def test_who_types_localhost_is_led_to_where_we_are(app: FastAPI, browser: Browser) -> None:
    typed = {"Host": f"localhost:{PORT}", "Sec-Fetch-Site": "none"}
    answer = browser.http.get("/p/me/a%20b?x=1", headers=typed, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"http://127.0.0.1:{PORT}/p/me/a%20b?x=1",
    )
    for more in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": f"http://localhost:{PORT}"}):
        assert browser.http.get("/", headers={**typed, **more}).status_code == 403
    for method, path in iter_routes(app):
        if method != "GET":
            assert browser.http.request(method, path, headers={**typed, **browser.header}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_every_route_refuses_to_be_fetched_by_another_page(app: FastAPI, browser: Browser, site: str) -> None:
    headers = {
        "Sec-Fetch-Site": site,
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "script",
        **browser.header,
    }
    for method, path in iter_routes(app):
        assert browser.http.request(method, path, headers=headers).status_code == 403, (method, path)


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64])
def test_every_route_that_changes_something_asks_for_the_csrf_token(
    app: FastAPI, browser: Browser, token: str | None
) -> None:
    for method, path in iter_routes(app):
        if method in SAFE_METHODS:
            continue
        headers = {} if token is None else {"X-Trailmark-CSRF": token}
        assert browser.http.request(method, path, headers=headers).status_code == 403, (method, path)
        form = {} if token is None else {"csrf": token}
        assert browser.http.request(method, path, data=form).status_code == 403, (method, path)


def test_a_route_that_reads_changes_nothing_by_get_alone(app: FastAPI) -> None:
    for context in iter_route_contexts(app.routes):
        methods = context.methods or set()
        assert methods <= SAFE_METHODS or not methods & SAFE_METHODS, context.path


def test_an_address_lets_one_browser_in_once(app: FastAPI, door: Door) -> None:
    address = door.new_address()
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False) as first:
        answer = first.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"trailmark-{PORT}=")
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")[1:]}
        assert first.get("/", headers=HTML).status_code == 200
        again = first.get(address)
        assert again.status_code == 303
        assert "set-cookie" not in again.headers
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False) as second:
        answer = second.get(address, headers=HTML)
        assert answer.status_code == 403
        assert "trailmark start" in answer.text


def test_a_key_that_was_only_fetched_ahead_stays_good(door: Door, stranger: TestClient) -> None:
    address = door.new_address()
    assert stranger.get(address, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 403
    assert stranger.get(address).status_code == 303


def test_a_link_from_elsewhere_leads_on_by_a_page_of_ours(door: Door, stranger: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = stranger.get(door.new_address(), headers=headers)
    assert answer.status_code == 200
    assert 'content="0;url=/"' in answer.text


def test_only_who_holds_the_secret_gets_a_new_address(door: Door, stranger: TestClient) -> None:
    assert stranger.post(KEY_PATH).status_code == 403
    assert stranger.post(KEY_PATH, headers={"Authorization": "Bearer nonsense"}).status_code == 403
    answer = stranger.post(KEY_PATH, headers={"Authorization": f"Bearer {door.secret}"})
    assert stranger.get(answer.json()["address"]).status_code == 303


def test_what_is_printed_is_hard_to_guess(door: Door) -> None:
    keys = {door.new_address().partition("key=")[2] for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) >= 43 for key in keys)


def test_old_keys_that_nobody_used_are_forgotten(door: Door, stranger: TestClient) -> None:
    oldest = door.new_address()
    for _ in range(16):
        door.new_address()
    assert stranger.get(oldest).status_code == 403


def test_every_answer_carries_the_safety_headers(browser: Browser, stranger: TestClient) -> None:
    for answer in (
        browser.http.get("/"),
        browser.http.get("/nowhere"),
        browser.http.get("/static/trailmark.css"),
        stranger.get("/", headers={"Host": "example.org"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_pages_hold_no_inline_script_or_style(browser: Browser) -> None:
    for path in ("/", "/new", "/jobs", "/nowhere"):
        html = browser.http.get(path, headers=HTML).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", html), path
        assert not re.search(r"<style|\sstyle=|\son\w+=", html), path


@pytest.fixture
def speaking(services: Services, door: Door) -> FastAPI:
    app = create_app(services, door=door)

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("welcome")
        await socket.close()

    return app


@pytest.mark.parametrize(
    ("origin", "host", "cookie", "let_in"),
    [
        (f"http://127.0.0.1:{PORT}", f"127.0.0.1:{PORT}", True, True),
        (f"http://localhost:{PORT}", f"localhost:{PORT}", True, False),
        (f"http://01session.localhost:{PORT}", f"01session.localhost:{PORT}", True, False),
        (f"http://127.0.0.1:{PORT}", f"127.0.0.1:{PORT}", False, False),
        ("http://example.org", f"127.0.0.1:{PORT}", True, False),
        (None, f"127.0.0.1:{PORT}", True, False),
        (f"http://127.0.0.1:{PORT}", "example.org", True, False),
    ],
)
def test_websockets_ask_for_the_same(
    speaking: FastAPI, door: Door, origin: str | None, host: str, cookie: bool, let_in: bool
) -> None:
    key = door.new_address().partition("key=")[2]
    token = door.open_with(key)
    headers = {"Host": host, **({"Origin": origin} if origin else {})}
    if cookie:
        headers["Cookie"] = f"{door.cookie}={token}"
    client = TestClient(speaking, base_url=f"http://127.0.0.1:{PORT}")
    if let_in:
        with client.websocket_connect("/talk", headers=headers) as socket:
            assert socket.receive_text() == "welcome"
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/talk", headers=headers):
            pass
