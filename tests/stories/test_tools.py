"""Tools and apps as they are used: launched by name, opened with the address, recorded, stopped."""

import http.client
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import websocket
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.stories.test_container_session import BASE_TEXT, records

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.environments.bases.catalogue import own_folder
from trailmark.progress import NullProgress
from trailmark.projects.new import new_project
from trailmark.sessions.launch import launch
from trailmark.sessions.stop import stop
from trailmark.settings import Settings

pytestmark = [pytest.mark.timeout(300)]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PATIENCE = 30.0
ECHO = """
    # Answers a page, and echoes one websocket message; reads and writes a file each time.
    import base64, hashlib, http.server, sys
    from pathlib import Path

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.headers.get("Upgrade", "").lower() == "websocket":
                return self.echo()
            told = Path("input/words.txt").read_text() + repr(sorted(self.headers.items()))
            Path("output").mkdir(exist_ok=True)
            Path("output/seen.txt").write_text(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told.encode())

        def echo(self):
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())):
                self.send_header(name, value)
            self.end_headers()
            head = self.rfile.read(2)
            mask, length = self.rfile.read(4), head[1] & 127
            said = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
            self.wfile.write(bytes([0x81, length]) + said)
            self.close_connection = True

        protocol_version = "HTTP/1.1"

    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
APP = """
[[apps]]
name = "echo"
title = "Echo"
command = "python code/echo.py {port}"
"""
Trail = Callable[..., Any]


@pytest.fixture
def trail(home: Path, trailmark: list[str], tmp_path: Path) -> Iterator[Trail]:
    """Give a command for the project `tools`, and get its JSON; what runs is stopped in the end."""
    place = ""

    def call(*arguments: str, **environ: str) -> Any:
        where = ["-C", place] if place else []
        done = subprocess.run(
            [*trailmark, *where, *arguments, "--json"],
            capture_output=True,
            text=True,
            env={**os.environ, **environ},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    place = call("new", "tools")["path"]
    (Path(place) / "code").mkdir(exist_ok=True)
    (Path(place) / "code" / "echo.py").write_text(textwrap.dedent(ECHO))
    (Path(place) / "input").mkdir(exist_ok=True)
    (Path(place) / "input" / "words.txt").write_text("words")
    with (Path(place) / "trailmark.toml").open("a") as stream:
        stream.write(APP)
    yield call
    call("stop")


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        opened: Browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened.new_page(viewport={"width": 1100, "height": 760})
        opened.close()


def enter(address: str) -> httpx.Client:
    """Open an address as a browser does, and return what keeps its cookie."""
    client = httpx.Client(trust_env=False, base_url=address[: address.index("/", 8)])
    answer = client.get(address)
    assert answer.status_code == 303
    return client


def wait_for(trail: Trail, *filters: str, least: int = 1) -> list[dict[str, Any]]:
    """Return the records that pass some filters, once there are enough."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found: list[dict[str, Any]] = trail("log", *filters)
        if len(found) >= least:
            return found
        time.sleep(0.3)
    raise AssertionError(f"there is no record with {filters}")


def test_an_app_of_the_project(trail: Trail) -> None:
    launched = trail("launch", "--app", "echo")
    assert (launched["tool"], launched["engine"]) == ("app:echo", "local")
    client = enter(launched["url"])
    foreign = {
        "Cookie": "trailmark-8700=theirs; own=1; " + "; ".join(f"{n}={v}" for n, v in client.cookies.items())
    }
    said = client.get("/page?x=1", headers=foreign).text
    assert said.startswith("words")
    assert "own=1" in said
    assert "theirs" not in said
    assert "trailmark-gate" not in said
    assert httpx.get(launched["url"], trust_env=False).status_code == 403
    assert trail("launch", "--app", "echo")["session"] == launched["session"]
    echo(client, launched["url"])
    trail("stop", launched["session"])
    [record] = wait_for(trail, "--kind", "run")
    assert (record["title"], record["tool"]) == ("Echo", "app")
    assert {"code/echo.py", "input/words.txt"} <= {file["path"] for file in record["reads"]}
    assert [file["path"] for file in record["writes"]] == ["output/seen.txt"]


def echo(client: httpx.Client, address: str) -> None:
    """Speak through a websocket: with the cookie from our page it opens, from another page or without it does not."""
    place = urlsplit(address).netloc
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    options: dict[str, Any] = {"http_no_proxy": ["127.0.0.1"], "timeout": 10}
    line = websocket.create_connection(f"ws://{place}/ws", cookie=cookie, origin=f"http://{place}", **options)
    line.send("Grüße")
    assert line.recv() == "Grüße"
    line.close()
    for refused in ({"cookie": cookie, "origin": "http://127.0.0.1:8700"}, {"origin": f"http://{place}"}):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            websocket.create_connection(f"ws://{place}/ws", **refused, **options)


def test_an_app_that_does_not_start_says_why(trail: Trail, trailmark: list[str], home: Path) -> None:
    place = Path(trail("status")["path"])
    manifest = place / "trailmark.toml"
    manifest.write_text(
        manifest.read_text() + '\n[[apps]]\nname = "gone"\ncommand = "python gone.py {port}"\n'
    )
    done = subprocess.run(
        [*trailmark, "-C", str(place), "launch", "--app", "gone"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "gone did not start" in done.stderr
    assert "gone.py" in done.stderr
    assert "Traceback" not in done.stderr
    assert trail("status")["sessions"] == []


def test_a_secret_without_a_value_is_named_and_nothing_else_is(trail: Trail, trailmark: list[str]) -> None:
    place = Path(trail("status")["path"])
    manifest = place / "trailmark.toml"
    manifest.write_text('secrets = ["ERA5_KEY"]\n' + manifest.read_text())
    done = subprocess.run(
        [*trailmark, "-C", str(place), "launch", "--app", "echo"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0
    assert "ERA5_KEY" in done.stderr
    assert "trailmark env secret ERA5_KEY" in done.stderr


@pytest.mark.browser
def test_a_terminal_in_the_browser(trail: Trail, page: Page) -> None:
    page.goto(trail("launch", "--tool", "terminal")["url"])
    expect(page.get_by_text("Every command is recorded")).to_be_visible(timeout=20_000)
    expect(page.locator(".xterm-rows")).to_contain_text("$", timeout=20_000) if os.getuid() else None
    page.keyboard.type("cat input/words.txt > output.txt; echo shown\n")
    [record] = wait_for(trail, "--kind", "command")
    assert record["writes"][0]["path"] == "output.txt"
    assert "shown" in trail("log", record["id"])["text"]
    page.reload()
    expect(page.locator(".xterm-rows")).to_contain_text("shown", timeout=20_000)
    page.keyboard.type("exit\n")
    expect(page.get_by_text("The shell has ended")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="New shell").click()
    expect(page.get_by_text("Every command is recorded")).to_be_visible(timeout=20_000)


@pytest.mark.slow
def test_an_app_in_a_container(settings: Settings, docker: Daemon) -> None:
    services = wiring.build(os.environ)
    project = new_project("boxed", settings)
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    for name, text in (("code/echo.py", textwrap.dedent(ECHO)), ("input/words.txt", "words")):
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text(text)
    manifest = project.path / "trailmark.toml"
    manifest.write_text(
        manifest.read_text().replace("[environment]\n", '[environment]\nbase = "bookworm"\n') + APP
    )
    engine = services.engine_named("docker")
    session = launch(
        project, engine, services.uv, NullProgress(), tool="app:echo", managers=services.managers
    )
    try:
        assert enter(session.url).get("/").text.startswith("words")
        assert httpx.get(session.base_url, trust_env=False).status_code == 403
    finally:
        stop(project, services.engine)
    record = records(project, "run")[-1].record
    assert (record.tool, record.engine) == ("app", "docker")
    assert {"code/echo.py", "input/words.txt"} <= {file.path for file in record.reads}
    assert [file.path for file in record.writes] == ["output/seen.txt"]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.needs("code-server")
def test_vs_code(trail: Trail, page: Page) -> None:
    page.goto(trail("launch", "--tool", "code")["url"])
    page.locator(".monaco-workbench .explorer-folders-view").wait_for(timeout=60_000)
    terminal = page.locator(".terminal-wrapper.active .xterm-screen")
    command = "echo shown; touch made.txt"
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 4 * PATIENCE
    trust = page.get_by_role("button", name="Yes, I trust the authors")
    while not found and time.monotonic() < deadline:
        if trust.is_visible():
            trust.click()
        if not terminal.is_visible():
            page.keyboard.press("Control+Shift+Backquote")
            page.wait_for_timeout(5000)
            continue
        terminal.click()
        page.keyboard.type(f"\n{command}\n")
        page.wait_for_timeout(4000)
        found = [record for record in trail("log", "--kind", "command") if record["title"] == command]
    record = found[-1]
    assert [file["path"] for file in record["writes"]] == ["made.txt"]
    assert "shown" in trail("log", record["id"])["text"]


RSERVER = f"""#!{sys.executable}
# As RStudio Server as far as its launch is concerned: its options, its socket, and sessions with few variables.
import os, socketserver, subprocess, sys
from http.server import BaseHTTPRequestHandler

if "--help" in sys.argv:
    sys.exit("--www-socket --auth-none --rsession-path --database-config-file")
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
assert options["auth-none"] == "1" and options["server-daemonize"] == "0"
assert "provider=sqlite" in open(options["database-config-file"]).read()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        few = {{"PATH": os.environ["PATH"], "HOME": "/"}}
        said = subprocess.run([options["rsession-path"], "--program-mode", "server"], env=few, capture_output=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.stdout + said.stderr)

class Server(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)

Server(options["www-socket"], Handler).serve_forever()
"""


def test_rstudio_is_launched_as_its_server_wants_it(trail: Trail, tmp_path: Path) -> None:
    for name, text in (("rserver", RSERVER), ("rsession", '#!/bin/sh\necho "$@"; env\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    launched = trail("launch", "--tool", "rstudio", PATH=f"{tmp_path}:{os.environ['PATH']}")
    said = enter(launched["url"]).get("/").text
    place = trail("status")["path"]
    assert f"--session-default-working-dir={place}" in said
    assert "--program-mode server" in said
    variables = dict(line.split("=", 1) for line in said.splitlines()[1:] if "=" in line)
    assert Path(variables["R_PROFILE"]).name == "profile.R"
    assert variables["TRAILMARK_R_AS"] == "expressions"
    assert Path(variables["TRAILMARK_R"]).is_dir()
    assert "LD_PRELOAD" in variables or "TRAILMARK_FILES_LOG" in variables
    asked = http.client.HTTPConnection(urlsplit(launched["url"]).netloc, timeout=5)
    asked.request("GET", "/")
    assert asked.getresponse().status == 403
