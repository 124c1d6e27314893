"""What the overview offers to open a project in, and what is asked before a tool starts."""

import queue
import threading
import time

import pytest

from trailmark.engines import SessionSpec
from trailmark.engines.daemon import KINDS
from trailmark.engines.docker import DockerEngine
from trailmark.engines.local import LocalEngine
from trailmark.engines.several import SeveralEngines
from trailmark.errors import Unavailable
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.projects.secrets import secret_values
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark.web.launching import choices
from trailmark.wiring import Services

from .conftest import Browser

APPS = """
[[apps]]
name = "map"
title = "Map of the stations"
command = "python serve.py {port}"
"""


@pytest.fixture
def project(services: Services) -> Project:
    made = new_project("tides", services.settings)
    made.manifest_path.write_text(made.manifest_path.read_text() + APPS)
    return made


@pytest.fixture
def home_page(project: Project) -> str:
    return f"/p/{project.owner}/{project.name}"


def running(project: Project, services: Services, tool: str, title: str) -> Session:
    """A tool behind its gate, as it would run were the engine a real one."""
    session = Session(
        id=f"01{tool.upper().replace(':', '')}",
        project=str(project.path),
        tool=tool,
        engine="memory",
        environment=None,
        port=9,
        token="the-token",
        kernel="",
        started=time.time(),
        title=title,
        server="gate",
    )
    folder_of(services.settings, session.id).mkdir(parents=True)
    write_session(services.settings, session)
    services.engine.submit(SessionSpec(session.id, ("tool",), {}, project.path))
    return session


def test_the_overview_offers_tools_and_apps_and_says_what_is_missing(
    browser: Browser, home_page, monkeypatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    page = browser.http.get(f"{home_page}/").text
    for title in ("JupyterLab", "Terminal", "VS Code", "RStudio", "Map of the stations"):
        assert title in page
    assert "code-server is not on this machine." in page
    assert "npm install" in page
    assert 'value="app:map"' in page
    assert 'value="code"' not in page


class Daemon:
    """A Docker that answers."""

    kind = "docker"


@pytest.fixture
def based(project: Project, services: Services) -> Project:
    """The project starts from a base that brings no RStudio, and this machine has a Docker."""

    def find(name: str) -> DockerEngine:
        if name != "docker":
            raise Unavailable(f"There is no {name} here.")
        return DockerEngine(services.settings.home, Daemon())  # type: ignore[arg-type]

    engine = SeveralEngines(services.settings.home, LocalEngine(services.settings.home), KINDS, find)
    object.__setattr__(services, "engine", engine)
    text = project.manifest_path.read_text()
    project.manifest_path.write_text(
        text.replace("[environment]\n", '[environment]\nbase = "python-minimal"\n')
    )
    return project


def test_what_starts_from_a_base_is_opened_in_a_container(
    browser: Browser, based: Project, home_page, monkeypatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    page = browser.http.get(f"{home_page}/").text
    assert "In a container of Docker, as the base wants." in page
    assert f'href="{home_page}/?on=local#launch">On this machine instead<' in page
    assert '<input type="hidden" name="engine" value="docker">' in page
    assert 'value="code"' in page
    assert "A base brings it, and Python does not." in page
    here = browser.http.get(f"{home_page}/?on=local").text
    assert "On this machine, with what it has in place of the base." in here
    assert '<input type="hidden" name="engine" value="local">' in here
    assert "code-server is not on this machine." in here


@pytest.mark.parametrize(("asked", "chosen"), [("", "docker"), ("docker", "docker"), ("local", "local")])
def test_a_launch_is_where_the_person_chose(
    browser: Browser, based: Project, home_page, monkeypatch, asked, chosen
):
    based.manifest_path.write_text('secrets = ["KEY"]\n' + based.manifest_path.read_text())
    engines: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setattr(
        "trailmark.web.launching.work.launch", lambda _, engine, *__, **___: engines.put(engine.name)
    )
    question = browser.post(f"{home_page}/launch", tool="terminal", engine=asked).text
    assert f'name="engine" value="{asked}"' in question
    fields = {"secret:KEY": "the-value-of-key", "tool": "terminal", "engine": asked}
    browser.post(f"{home_page}/launch-secrets", **fields)
    assert engines.get(timeout=5) == chosen


def test_apps_that_cannot_be_read_leave_the_tools(browser: Browser, project: Project, home_page):
    project.manifest_path.write_text(project.manifest_path.read_text().replace("{port}", "80"))
    page = browser.http.get(f"{home_page}/").text
    assert "The apps cannot be read" in page
    assert 'value="terminal"' in page


def test_each_tool_that_runs_is_opened_and_stopped_by_itself(
    browser: Browser, project: Project, services: Services, home_page
):
    code, app = running(project, services, "code", "VS Code"), running(project, services, "app:map", "Map")
    page = browser.http.get(f"{home_page}/").text
    assert f"open?session={code.id}" in page
    assert "the-token" not in page
    opened = [
        browser.http.get(f"{home_page}/open?session={each.id}", follow_redirects=False)
        for each in (code, code)
    ]
    addresses = {answer.headers["location"] for answer in opened}
    assert len(addresses) == 2
    assert all(address.startswith("http://01code.localhost:9/.trailmark/enter?key=") for address in addresses)
    assert "the-token" not in "".join(addresses)
    safari = {"User-Agent": "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"}
    plain = browser.http.get(f"{home_page}/open?session={code.id}", headers=safari, follow_redirects=False)
    assert plain.headers["location"].startswith("http://localhost:9/.trailmark/enter?key=")
    assert "Stop Map?" in browser.post(f"{home_page}/stop", session=app.id).text
    assert "Map has stopped" in browser.post(f"{home_page}/stop", session=app.id, sure="1").text
    assert not services.engine.inspect(app.id).is_live
    assert services.engine.inspect(code.id).is_live
    assert browser.post(f"{home_page}/stop", session=app.id).status_code == 404


def test_a_launch_asks_for_the_secrets_that_have_no_value(
    browser: Browser, project: Project, home_page, monkeypatch
):
    project.manifest_path.write_text('secrets = ["KEY", "OTHER"]\n' + project.manifest_path.read_text())
    started = threading.Event()
    monkeypatch.setattr("trailmark.web.launching.work.launch", lambda *_, **__: started.set())
    asked = browser.post(f"{home_page}/launch", tool="terminal")
    assert "tides needs secrets" in asked.text
    assert not started.is_set()
    fields = {"secret:KEY": "the-value-of-key", "secret:OTHER": "", "tool": "terminal", "secret:NOT": "x"}
    kept = browser.post(f"{home_page}/launch-secrets", **fields)
    assert "/launching/" in kept.url.path
    assert started.wait(5)
    assert secret_values(project) == {"KEY": "the-value-of-key"}
    assert "the-value-of-key" not in kept.text
    assert "/launching/" in browser.post(f"{home_page}/launch", tool="terminal", without="1").url.path


def test_choices_know_what_is_being_started(browser: Browser, project: Project, home_page, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr("trailmark.web.launching.work.launch", lambda *_, **__: go_on.wait(10))
    browser.post(f"{home_page}/launch", tool="app:map")
    found = choices.choices_of(browser.app.state.site, project)
    assert [choice.job is not None for choice in found.apps] == [True]
    assert "Starting …" in browser.http.get(f"{home_page}/").text
    go_on.set()
