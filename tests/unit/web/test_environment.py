"""The environment in the browser: base, packages, snippets, lock and proof, with an index that is a folder."""

import os
import time

import httpx
import pytest

from trailmark.engines import MemoryEngine
from trailmark.environments.managers.memory import Memory
from trailmark.environments.uv import find_uv
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.settings import Settings
from trailmark.testing.wheels import offline, write_index
from trailmark.wiring import Services

from .conftest import Browser

HERE = "/p/ada/tides/environment"
HTML = {"Accept": "text/html"}


@pytest.fixture
def services(settings: Settings, tmp_path) -> Services:
    uv = find_uv(offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ))
    managers = {"conda": Memory({"gdal": {"3.8": []}}, "conda")}
    return Services(settings=settings, engine=MemoryEngine(runs_anything=True), uv=uv, managers=managers)


@pytest.fixture
def project(settings: Settings) -> Project:
    return new_project("tides", settings)


def done(browser: Browser, answer: httpx.Response) -> str:
    """The page once the work in the background is over."""
    assert answer.status_code == 200
    deadline = time.monotonic() + 60
    while any(job["state"] in ("waiting", "running") for job in browser.http.get("/api/jobs").json()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return browser.http.get(HERE, headers=HTML).text


def test_a_base_is_chosen_when_a_project_is_made(browser: Browser, settings: Settings) -> None:
    page = browser.http.get("/new", headers=HTML).text
    assert page.count('name="base"') == 7
    piece = browser.http.get("/new/bases?language=r&tool=rstudio&base=python-r", headers=HTML).text
    assert [name for name in ("r-tidyverse", "python-r", "r-minimal") if f'value="{name}"' in piece] == [
        "r-tidyverse", "python-r",
    ]  # fmt: skip
    assert "No base is like that" in browser.http.get("/new/bases?language=cobol", headers=HTML).text
    answer = browser.post("/new", name="hills", base="r-minimal")
    assert answer.url.path == "/p/ada/hills/"
    assert 'base = "r-minimal"' in (settings.projects / "ada/hills/trailmark.toml").read_text()
    refused = browser.post("/new", name="dales", base="nothing")
    assert (refused.status_code, "There is no base nothing" in refused.text) == (422, True)


def test_packages_of_two_managers(browser: Browser, project: Project) -> None:
    page = done(browser, browser.post(f"{HERE}/add", packages="alpha<2"))
    assert "Installed" in page
    page = done(browser, browser.post(f"{HERE}/add", packages="gdal", manager="conda"))
    assert [
        word
        for word in ("alpha", "gdal", "conda", "Left to this machine", "conda-lock.yml")
        if word not in page
    ] == []
    page = done(browser, browser.post(f"{HERE}/newest"))
    assert "Update alpha" in page
    page = done(browser, browser.post(f"{HERE}/remove", package="gdal", manager="conda"))
    assert "conda-lock.yml" not in page


def test_the_base_is_changed_and_saved(browser: Browser, project: Project, settings: Settings) -> None:
    assert "Choose a base" in browser.http.get(HERE, headers=HTML).text
    assert "Python and R" in browser.http.get(f"{HERE}/base", headers=HTML).text
    assert "rstudio" in browser.http.get(f"{HERE}/bases?tool=rstudio", headers=HTML).text
    page = done(browser, browser.post(f"{HERE}/base", base="python-minimal"))
    assert "Change the base" in page
    saved = browser.post(f"{HERE}/save-base", base_name="course", title="Our course")
    assert "Our course is kept" in saved.text
    assert (settings.home / "bases" / "course-1.toml").exists()
    assert browser.post(f"{HERE}/save-base", base_name="Not good!").status_code == 422
    page = done(browser, browser.post(f"{HERE}/base", base=""))
    assert current_lock(project).base is None


def test_snippets_are_edited(browser: Browser, project: Project) -> None:
    refused = browser.post(f"{HERE}/snippets", snippet="10-fonts", text="COPY a b")
    assert (refused.status_code, "only RUN and ENV" in refused.text) == (422, True)
    page = done(browser, browser.post(f"{HERE}/snippets", snippet="10-fonts", text="RUN fc-cache <&1"))
    assert "RUN fc-cache &lt;&amp;1" in page
    page = done(browser, browser.post(f"{HERE}/snippets/remove", snippet="10-fonts"))
    assert '<span class="snippet-name">10-fonts</span>' not in page
    assert '<span class="out">- RUN fc-cache &lt;&amp;1</span>' in page


def test_resources_are_chosen(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/resources", cpus="2", memory="4 GB", shared_memory="512 MiB", gpu="1")
    assert [word for word in ("2 CPU", "4 GB", "512 MiB shared", "GPU") if word not in answer.text] == []
    found = project.manifest().resources
    assert (found.cpus, found.memory_bytes, found.shared_memory_bytes, found.gpu) == (
        2.0,
        4 * 10**9,
        2**29,
        True,
    )
    for wrong in ({"cpus": "two"}, {"cpus": "nan"}, {"memory": "much"}, {"cpus": "-1"}):
        assert browser.post(f"{HERE}/resources", **wrong).status_code == 422
    assert project.manifest().resources == found
    browser.post(f"{HERE}/resources")
    assert "resources" not in project.manifest_text()


def test_the_proof_is_a_badge_and_differences_are_named(browser: Browser, project: Project) -> None:
    assert "Not locked" in browser.http.get(HERE, headers=HTML).text
    page = done(browser, browser.post(f"{HERE}/add", packages="alpha"))
    assert "Nobody has rebuilt it" in page
    page = done(browser, browser.post(f"{HERE}/verify"))
    assert "Proved on" in page
    (project.path / "environment/snippets").mkdir()
    (project.path / "environment/snippets/10-a.dockerfile").write_text("RUN true\n")
    page = done(browser, browser.post(f"{HERE}/verify"))
    assert "Not equal" in page
    assert "snippet 10-a" in page
