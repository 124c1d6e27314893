"""The JSON interface: described, typed, and the same facts as the pages."""

import json
import threading
import time
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.projects.new import new_project
from trailmark.projects.note import add_note
from trailmark.projects.project import Project
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark.settings import Settings
from trailmark.wiring import Services

from .conftest import Browser

API = "/api/projects/ada/tides"


@pytest.fixture
def project(settings: Settings) -> Project:
    return new_project("tides", settings, description="Sea level", packages=("numpy>=2",))


@pytest.fixture
def session(project: Project, services: Services) -> Session:
    """JupyterLab as it would run on the project, were the engine a real one."""
    session = Session(
        id="01M0000000000000000000TEST",
        project=str(project.path),
        tool="jupyterlab",
        engine="local",
        environment=None,
        port=9,
        token="the-key-of-jupyter",
        kernel="python3",
        started=time.time(),
    )
    folder_of(services.settings, session.id).mkdir(parents=True)
    write_session(services.settings, session)
    assert isinstance(services.engine, MemoryEngine)
    labels = {"project": str(project.path)}
    services.engine.submit(SessionSpec(session.id, ("jupyter",), {}, project.path, labels))
    return session


def ask(browser: Browser, path: str, **more: Any) -> Any:
    answer = browser.http.get(path, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_route_of_the_interface_is_described(browser: Browser) -> None:
    description = ask(browser, "/api/openapi.json")
    described = {
        (method.upper(), path) for path, methods in description["paths"].items() for method in methods
    }
    there = {
        (method, context.path)
        for context in iter_route_contexts(browser.app.routes)
        if (context.path or "").startswith("/api/") and context.path != "/api/openapi.json"
        for method in context.methods or ()
    }
    assert len(there) > 15
    assert there <= described
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            assert operation["tags"], (method, path)
    for name, schema in description["components"]["schemas"].items():
        assert schema.get("description") or name in ("HTTPValidationError", "ValidationError"), name


def test_projects(browser: Browser, project: Project) -> None:
    made = browser.http.post("/api/projects", json={"name": "bees"}, headers=browser.header)
    assert (made.status_code, made.json()["branch"]) == (201, "main")
    names = [line["name"] for line in ask(browser, "/api/projects")]
    assert names == ["bees", "tides"]
    told = ask(browser, API)
    assert (told["description"], told["path"], told["sessions"]) == ("Sea level", str(project.path), [])
    taken = browser.http.post("/api/projects", json={"name": "bees"}, headers=browser.header)
    assert taken.status_code == 409
    assert "already" in taken.json()["error"]


def test_records_filters_and_notes(browser: Browser, project: Project) -> None:
    noted = browser.http.post(f"{API}/notes", json={"text": "The datum moved."}, headers=browser.header)
    assert noted.status_code == 201
    add_note(project, "Another remark")
    records = ask(browser, f"{API}/records")
    assert [record["kind"] for record in records] == ["note", "note", "project"]
    assert ask(browser, f"{API}/records?search=datum")[0]["id"] == noted.json()["id"]
    assert ask(browser, f"{API}/records?kind=project")[0]["writes"][0]["digest"]
    assert len(ask(browser, f"{API}/records?limit=1")) == 1
    assert ask(browser, f"{API}/records?before={records[0]['id']}")[0]["id"] == records[1]["id"]
    whole = ask(browser, f"{API}/records/{noted.json()['id'][:24]}")
    assert whole["text"] == "The datum moved."
    assert browser.http.get(f"{API}/records/ZZZZ").status_code == 404
    assert browser.http.get(f"{API}/records?limit=0").status_code == 422


def test_files_now_and_then(browser: Browser, project: Project) -> None:
    first = ask(browser, f"{API}/records")[0]["id"]
    (project.path / "input" / "a.csv").write_text("x", encoding="utf-8")
    now = {line["path"]: line for line in ask(browser, f"{API}/files?path=input")}
    assert now["input/a.csv"]["bytes"] == 1
    assert not now["input/a.csv"]["held"]
    then = [line["path"] for line in ask(browser, f"{API}/files?path=input&at={first}")]
    assert then == ["input/.gitkeep"]
    assert browser.http.get(f"{API}/files?path=../..").status_code == 404


def test_the_environment_and_names(browser: Browser, project: Project) -> None:
    told = ask(browser, f"{API}/environment")
    (package,) = told["packages"]
    assert (package["manager"], package["name"], package["requested"]) == ("pip", "numpy", ">=2")
    assert (told["base"], told["digest"], told["state"]) == (None, None, "unlocked")
    assert "r-tidyverse" in {base["id"] for base in ask(browser, "/api/bases?language=r&tool=rstudio")}
    assert "numpy" in ask(browser, "/api/packages?beginning=nump")


def test_a_running_session_shows_everywhere_but_its_key_nowhere(
    browser: Browser, project: Project, session: Session
) -> None:
    told = ask(browser, f"{API}/sessions")
    assert [line["id"] for line in told] == [session.id]
    assert session.token not in json.dumps(told)
    for path in ("/", "/p/ada/tides/", "/p/ada/tides/activity", "/p/ada/tides/launch-button"):
        page = browser.http.get(path).text
        assert "JupyterLab" in page
        assert session.token not in page
    assert "JupyterLab is open" in browser.http.get("/").text
    assert "Open JupyterLab" in browser.http.get("/p/ada/tides/launch-button").text
    opened = browser.http.get("/p/ada/tides/open", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, session.url_for())


def test_going_back_and_switching_ask_first_while_a_session_runs(
    browser: Browser, project: Project, session: Session
) -> None:
    first = ask(browser, f"{API}/records")[0]["id"]
    browser.post("/p/ada/tides/branches/new", branch="splines")
    for path, fields in ((f"activity/{first}/rollback", {}), ("branches/switch", {"branch": "splines"})):
        asked = browser.post(f"/p/ada/tides/{path}", **fields)
        assert "while JupyterLab is open?" in asked.text
    assert ask(browser, API)["branch"] == "main"
    assert (
        "You are on splines" in browser.post("/p/ada/tides/branches/switch", branch="splines", sure="1").text
    )


def test_stopping_asks_first_and_ends_the_session(
    browser: Browser, project: Project, session: Session
) -> None:
    assert "Stop JupyterLab?" in browser.post("/p/ada/tides/stop").text
    assert ask(browser, f"{API}/sessions")
    stopped = browser.post("/p/ada/tides/stop", sure="1")
    assert "JupyterLab has stopped" in stopped.text
    assert ask(browser, f"{API}/sessions") == []
    assert "Launch JupyterLab" in stopped.text
    assert browser.http.get("/p/ada/tides/open").status_code == 404


def test_a_launch_is_followed_not_begun_twice(
    browser: Browser, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr("trailmark.web.launching.work.launch", lambda *_, **__: go_on.wait(10))
    first = browser.http.post(f"{API}/sessions", json={}, headers=browser.header).json()
    again = browser.post("/p/ada/tides/launch")
    assert again.url.path == f"/p/ada/tides/launching/{first['id']}"
    assert "You can close this page" in again.text
    opened = browser.http.get("/p/ada/tides/open", follow_redirects=False)
    assert opened.headers["location"].endswith(first["id"])
    go_on.set()
    browser.app.state.site.jobs.wait(first["id"], 5)
    ready = browser.http.get(f"/p/ada/tides/launching/{first['id']}/state")
    assert ready.headers["HX-Redirect"] == "/p/ada/tides/open?tool=jupyterlab"


def test_a_tool_that_is_not_there_is_refused(browser: Browser, project: Project) -> None:
    refused = browser.http.post(f"{API}/sessions", json={"tool": "emacs"}, headers=browser.header)
    assert refused.status_code == 422
    assert "jupyterlab" in refused.json()["error"]


def test_jobs_are_followed_and_stopped(browser: Browser, project: Project) -> None:
    def work(progress: Any) -> None:
        progress.step("Halfway", 0.5)
        while not progress.cancelled:
            time.sleep(0.005)
        raise RuntimeError("not reached by a person")

    site = browser.app.state.site
    job = site.jobs.start("Counting", work, project="ada/tides")
    while ask(browser, f"/api/jobs/{job.id}")["message"] != "Halfway":
        time.sleep(0.005)
    assert ask(browser, "/api/jobs?project=ada/tides")[0]["fraction"] == 0.5
    assert "Counting" in browser.http.get("/jobs/tray").text
    assert "Halfway" in browser.http.get(f"/jobs/{job.id}").text
    browser.http.post(f"/api/jobs/{job.id}/cancel", headers=browser.header)
    site.jobs.wait(job.id, 5)
    assert ask(browser, f"/api/jobs/{job.id}")["ended"] is not None
    browser.post(f"/jobs/{job.id}/dismiss", back="/p/ada/tides/")
    assert browser.http.get(f"/api/jobs/{job.id}").status_code == 404


@pytest.mark.parametrize("back", ["//example.org", "https://example.org", "/\\example.org", ""])
def test_a_form_never_leads_to_another_site(browser: Browser, back: str) -> None:
    site = browser.app.state.site
    job = site.jobs.start("Nothing", lambda progress: None)
    site.jobs.wait(job.id, 5)
    answer = browser.http.post(f"/jobs/{job.id}/dismiss", data={"csrf": browser.csrf, "back": back})
    assert answer.headers["location"] == "/jobs"
