"""Every session is at a host of its own: a real browser sends it no cookie of the client or of another session."""

import http.client
import json
import os
import textwrap
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect, sync_playwright
from tests.stories.client_room import running
from tests.stories.test_container_session import BASE_TEXT
from tests.stories.test_jupyterlab_story import wait_for_kernel
from tests.stories.test_tools import APP, ARGUMENTS, ECHO

from trailmark import wiring
from trailmark.environments.bases.catalogue import own_folder
from trailmark.progress import NullProgress
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.sessions.hosts import own_host
from trailmark.sessions.launch import launch
from trailmark.sessions.session import Session
from trailmark.sessions.stop import stop
from trailmark.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
NOTEBOOK = "code/a.ipynb"


@pytest.fixture
def context(chromium: str) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser.new_context(viewport={"width": 1200, "height": 800})
        browser.close()


def make_project(settings: Settings, name: str, base: str | None) -> Project:
    project = new_project(name, settings)
    text = project.manifest_path.read_text()
    if base is not None:
        own_folder(settings.home).mkdir(parents=True, exist_ok=True)
        (own_folder(settings.home) / f"{base}.toml").write_text(BASE_TEXT)
        text = text.replace("[environment]\n", f'[environment]\nbase = "{base}"\n')
    project.manifest_path.write_text(text + APP)
    for path, content in (("code/echo.py", textwrap.dedent(ECHO)), ("input/words.txt", "words")):
        (project.path / path).parent.mkdir(exist_ok=True)
        (project.path / path).write_text(content)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python"}
    nbformat.write(notebook, project.path / NOTEBOOK)
    return project


@pytest.mark.parametrize("engine", ["local", "docker", "podman"])
def test_no_session_is_sent_what_is_another_s(
    engine: str,
    settings: Settings,
    trailmark: list[str],
    context: BrowserContext,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if engine != "local":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue(engine).address)
    project = make_project(settings, "apart", "bookworm" if engine != "local" else None)
    services = wiring.build(os.environ)
    chosen = services.engine_named(engine)
    try:
        lab, app = (
            launch(project, chosen, services.uv, NullProgress(), tool=tool, managers=services.managers)
            for tool in ("jupyterlab", "app:echo")
        )
        with running(trailmark) as (_, address):
            page = context.new_page()
            page.goto(address)
            client = urlsplit(page.url).netloc
            page.goto(f"http://{client}/p/{project.owner}/{project.name}/")
            context.add_cookies([{"name": "planted_client", "value": "1", "url": f"http://{client}/"}])
            assert {"planted_client", f"trailmark-{client.rpartition(':')[2]}"} <= names(context, "127.0.0.1")
            in_jupyterlab(context, lab, client, project)
            in_the_app(context, app, lab, client, project)
        for session in (lab, app):
            a_forged_host_is_refused(session)
    finally:
        stop(project, services.engine)


def names(context: BrowserContext, host: str) -> set[str]:
    """The names of the cookies that the browser keeps for a host."""
    return {cookie["name"] for cookie in context.cookies() if cookie["domain"] == host}


def open_from_client(context: BrowserContext, session: Session, client: str, project: Project) -> Page:
    """Open a session by the client's own link."""
    page = context.new_page()
    page.goto(f"http://{client}/p/{project.owner}/{project.name}/open?session={session.id}")
    page.wait_for_url(f"http://{own_host(session.id)}:{session.port}/**")
    return page


def in_jupyterlab(context: BrowserContext, lab: Session, client: str, project: Project) -> None:
    """A cell runs, by requests and a websocket that carry this session's cookies alone."""
    sent: list[Request] = []
    context.on("request", lambda request: sent.append(request))
    page = open_from_client(context, lab, client, project)
    page.evaluate("document.cookie = 'planted_lab=1'; document.cookie = 'planted_wide=1; domain=localhost'")
    sockets: list[str] = []
    page.on("websocket", lambda line: sockets.append(line.url))
    page.goto(f"http://{own_host(lab.id)}:{lab.port}/lab/tree/{NOTEBOOK}?reset", timeout=60_000)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_attached(timeout=90_000)
    wait_for_kernel({"url": lab.url})
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-Notebook .jp-OutputArea-output").first).to_have_text("42", timeout=30_000)
    assert any(f"//{own_host(lab.id)}:{lab.port}/" in line and "/channels" in line for line in sockets)
    told = [one.all_headers() for one in sent if urlsplit(one.url).port == lab.port]
    cookies = "; ".join(headers.get("cookie", "") for headers in told)
    assert "planted_lab" in cookies
    assert "planted_client" not in cookies
    assert "trailmark-" not in cookies
    assert "planted_wide" not in cookies
    assert not any(client in headers.get("referer", "") for headers in told)
    others = [one.all_headers() for one in sent if urlsplit(one.url).port not in (lab.port, None)]
    assert not any(lab.token in headers.get("referer", "") for headers in others)
    page.close()


def in_the_app(context: BrowserContext, app: Session, lab: Session, client: str, project: Project) -> None:
    """The app itself says what arrived at it."""
    page = open_from_client(context, app, client, project)
    page.evaluate("document.cookie = 'planted_app=1'")
    page.reload()
    told = page.locator("body").inner_text()
    assert "planted_app=1" in told
    assert f"('host', 'localhost:{app.port}')" in told.lower()
    for foreign in ("planted_client", "planted_lab", "planted_wide", "trailmark-", "username-", "_xsrf"):
        assert foreign not in told
    assert names(context, own_host(app.id)) == {f"trailmark-gate-{app.port}", "planted_app"}
    assert not names(context, own_host(app.id)) & names(context, own_host(lab.id))
    assert "planted_lab" not in names(context, "127.0.0.1")
    page.close()


def a_forged_host_is_refused(session: Session) -> None:
    """The server answers to its own names and to loopback, whoever asks."""
    port = session.port
    asked = {
        f"{own_host(session.id)}:{port}": 200,
        f"localhost:{port}": 200,
        f"127.0.0.1:{port}": 200,
        f"01another.localhost:{port}": 403,
        f"evil.example:{port}": 403,
        f"{own_host(session.id)}.evil.example:{port}": 403,
    }
    found = {host: status_of(session, host) for host in asked}
    assert found == asked, json.dumps(found, indent=1)


def status_of(session: Session, host: str) -> Any:
    path = "/api/status" if session.server == "jupyter" else "/"
    asked = http.client.HTTPConnection("127.0.0.1", session.port, timeout=10)
    asked.request("GET", path, headers={"Host": host, "Authorization": f"token {session.token}"})
    return asked.getresponse().status
