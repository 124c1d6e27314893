"""Tools that an image was made without: put there when they are asked for, and recorded as on this machine."""

import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright
from tests.containers import BASE
from tests.stories.test_container_session import BASE_TEXT, Steps, records
from tests.stories.test_tools import ARGUMENTS, enter

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.tool_layer import TOOL_LABEL, TOOLS, digest_of, made_tool
from trailmark.environments.bases.catalogue import own_folder
from trailmark.errors import Unavailable
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.sessions.launch import launch
from trailmark.sessions.session import Session
from trailmark.sessions.stop import stop
from trailmark.sessions.tools import find_tool, tools_folder
from trailmark.sessions.tools.model import fill
from trailmark.testing.inside import run_inside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENCE = 30.0
# A tool of a person's own: a page on which a line can be typed into a terminal.
PAD = r"""
id = "pad"
title = "Pad"
summary = "Runs what is typed."
icon = "terminal"
server = "gate"
capture = "shell"
health = "ready"
program = "pad"
places = ["{tools}/pad/bin"]
command = ["{program}", "{data}/server.py", "{socket}", "{data}/shell"]

[files]
"{data}/shell" = '''
#!/bin/sh
PYTHONPATH="{capture}" exec "{python}" -P -m trailmark_capture.gate.terminal
'''
"{data}/server.py" = '''
import http.server, os, pty, shutil, socketserver, sys, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = self.type(urllib.parse.unquote(self.path[6:])) if self.path.startswith("/type/") else "ready"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.encode())

    def type(self, line):
        child, terminal = pty.fork()
        if child == 0:
            os.execve(sys.argv[2], [sys.argv[2]], {**os.environ, "TERM": "xterm"})
        said = b""
        for typed in ("", line + "\n"):
            os.write(terminal, typed.encode())
            said = b""
            while not said.endswith((b"# ", b"$ ")):
                said += os.read(terminal, 4096)
        os.close(terminal)
        os.waitpid(child, 0)
        return said.decode()

class Server(socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("local", 0)

Server(sys.argv[1], Handler).serve_forever()
'''

[layer]
apt = ["tree"]
run = [
    "mkdir -p {tools}/pad/bin",
    "printf '#!/bin/sh\\nexec /usr/bin/python3 \"$@\"\\n' > {tools}/pad/bin/pad",
    "chmod -R go+rX {tools}/pad && chmod 755 {tools}/pad/bin/pad",
]
"""


@pytest.fixture
def services(settings, docker: Daemon):
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named("docker")
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)
    images = services.containers_named("docker").images
    for image in images.list():
        if image.labels.get(TOOL_LABEL) == "pad":
            images.remove(image.digest, image.reference.rpartition(":")[2])


@pytest.fixture
def project(settings, services) -> Project:
    made = new_project("boxed", settings)
    text = made.manifest_path.read_text()
    made.manifest_path.write_text(text.replace("[environment]", '[environment]\nbase = "bookworm"'))
    return made


@pytest.fixture
def containers(services) -> DockerEngine:
    found = services.containers_named("docker")
    assert found is not None
    return found


@pytest.fixture
def start(services, project: Project) -> Callable[..., Session]:
    def launched(tool: str, engine: str = "docker", told: Steps | None = None) -> Session:
        return launch(
            project,
            services.engine_named(engine),
            services.uv,
            told or Steps(),
            tool=tool,
            managers=services.managers,
        )

    return launched


def wait_for(project: Project, kind: str, title: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for stored in records(project, kind):
            if stored.record.title == title:
                return stored
        time.sleep(0.3)
    raise AssertionError(f"there is no {kind} “{title}”")


def test_a_tool_of_ones_own_runs_on_this_machine_and_in_a_container(
    settings, services, project: Project, containers: DockerEngine, start
) -> None:
    tools_folder(settings).mkdir()
    (tools_folder(settings) / "pad.toml").write_text(PAD)
    with pytest.raises(Unavailable, match="pad is not on this machine"):
        start("pad", "local")
    program = tools_folder(settings) / "pad" / "bin" / "pad"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nexec python3 "$@"\n')
    program.chmod(0o755)
    there = start("pad", "local")
    assert "shown here" in enter(there.url).get("/type/echo shown here", timeout=30).text
    outside = wait_for(project, "command", "echo shown here")
    assert (outside.record.tool, outside.record.engine) == ("terminal", "local")
    stop(project, services.engine, there.id)
    shutil.rmtree(program.parent)

    session = start("pad")
    lock = current_lock(project)
    assert lock is not None
    plain = containers.images.find(lock.digest)
    assert plain is not None
    client = enter(session.url)
    said = client.get("/type/tree --version > made.txt; echo shown", timeout=30).text
    assert "shown" in said
    assert httpx.get(session.base_url, trust_env=False).status_code == 403
    stored = wait_for(project, "command", "tree --version > made.txt; echo shown")
    record = stored.record
    assert (record.tool, record.engine, record.environment) == ("terminal", "docker", lock.digest)
    assert [file.path for file in record.writes] == ["made.txt"]
    assert "shown" in stored.text
    stop(project, services.engine, session.id)

    # The image of the environment is what its lock says; the tool is in another, which is there by now.
    for path in (f"{TOOLS}/pad/bin/pad", "/usr/bin/tree"):
        assert run_inside(containers.daemon, plain.reference, ["/usr/bin/test", "-e", path]).code == 1
    told = Steps()
    again = start("pad", told=told)
    assert [step for step in told.told if step.startswith("Building")] == []
    assert enter(again.url).get("/").text == "ready"
    assert containers.images.find(lock.digest) == plain
    for image in containers.images.list():
        if image.labels.get(TOOL_LABEL) == "pad":
            assert lock.digest not in image.digest


def test_a_tool_that_only_a_base_can_bring_is_refused_without_it(start) -> None:
    with pytest.raises(
        Unavailable, match="RStudio is brought by a base, and that of boxed, “Bookworm”, has none"
    ):
        start("rstudio")


@pytest.mark.browser
def test_vs_code(services, project: Project, containers: DockerEngine, start, chromium: str) -> None:
    """Where it was made already, or on demand: to compile it takes two minutes."""
    tool = find_tool("code", project.settings)
    lines = [fill(line, {"tools": TOOLS}) for line in tool.layer.run]
    key = digest_of(made_tool(BASE, tool.id, tool.layer.build, lines))
    if containers.images.find(key, "tool") is None and os.environ.get("COMPILE_VS_CODE") != "1":
        pytest.skip("VS Code is not there for the base; COMPILE_VS_CODE=1 has it compiled")
    session = start("code")
    assert httpx.get(session.base_url, trust_env=False).status_code == 403
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1100, "height": 760})
        page.goto(session.url)
        page.locator(".monaco-workbench .explorer-folders-view").wait_for(timeout=60_000)
        command = "echo shown; touch made.txt"
        stored = type_until_recorded(page, project, command)
        browser.close()
    assert (stored.record.tool, stored.record.engine) == ("terminal", "docker")
    assert [file.path for file in stored.record.writes] == ["made.txt"]
    assert "shown" in stored.text


def type_until_recorded(page: Page, project: Project, command: str) -> Any:
    """Type a command into VS Code's terminal, which takes its time to appear, until it is recorded."""
    terminal = page.locator(".terminal-wrapper.active .xterm-screen")
    trust = page.get_by_role("button", name="Yes, I trust the authors")
    deadline = time.monotonic() + 4 * PATIENCE
    while time.monotonic() < deadline:
        if trust.is_visible():
            trust.click()
        if not terminal.is_visible():
            page.keyboard.press("Control+Shift+Backquote")
            page.wait_for_timeout(5000)
            continue
        terminal.click()
        page.keyboard.type(f"\n{command}\n")
        page.wait_for_timeout(4000)
        found = [stored for stored in records(project, "command") if stored.record.title == command]
        if found:
            return found[-1]
    raise AssertionError("the command was not recorded")
