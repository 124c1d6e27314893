"""The environment in the browser: base, packages, snippets, lock and proof, with an index that is a folder."""

import os
import re
import shutil
import time
from pathlib import Path

import httpx
import pytest

from trailmark.activity.index import Index
from trailmark.engines import MemoryEngine
from trailmark.environments.managers.memory import Memory
from trailmark.environments.uv import find_uv
from trailmark.environments.verify import Difference
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.projects.proofs import Proof, find_proofs, keep_proof
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


def test_limits_and_extras_are_typed_as_they_are_written(browser: Browser, project: Project) -> None:
    done(browser, browser.post(f"{HERE}/add", packages="alpha >= 1, < 2"))
    assert project.manifest().packages == ("alpha>=1,<2",)
    names = f"{HERE}/names?packages="
    assert 'data-complete="pandas"' in browser.http.get(f"{names}numpy>=2, panda", headers=HTML).text
    assert "data-complete" not in browser.http.get(f"{names}pandas[excel,htm", headers=HTML).text
    made = browser.post("/new", name="hills", packages="numpy>=2,<3, pandas[excel,html]")
    assert made.url.path == "/p/ada/hills/"
    hills = project.path.parent / "hills" / "trailmark.toml"
    assert [one for one in ('"numpy>=2,<3"', '"pandas[excel,html]"') if one not in hills.read_text()] == []


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


def record_of(project: Project, title: str) -> str:
    """The id of the newest record with a title."""
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        return next(row.id for row in index.page() if row.title == title)


def test_names_of_every_manager_are_completed(browser: Browser, project: Project) -> None:
    found = browser.http.get(f"{HERE}/names?packages=gd&manager=conda", headers=HTML).text
    assert ('data-complete="gdal"' in found, "3.8" in found) == (True, True)
    nothing = browser.http.get(f"{HERE}/names?packages=zz&manager=conda", headers=HTML).text
    assert "Nothing that conda can have begins so" in nothing
    unknown = browser.http.get(f"{HERE}/names?packages=zz&manager=npm", headers=HTML)
    assert (unknown.status_code, "There is no package manager npm" in unknown.text) == (200, True)


def test_the_history_is_read_and_one_can_go_back(browser: Browser, project: Project) -> None:
    done(browser, browser.post(f"{HERE}/add", packages="alpha<2"))
    page = done(browser, browser.post(f"{HERE}/add", packages="gdal", manager="conda"))
    assert [word for word in ("How it came to be", "Added gdal", "Go back to it") if word not in page] == []
    history = browser.http.get(f"{HERE}/history", headers=HTML).text
    assert (history.count('class="change"'), history.count("Go back to it")) == (3, 2)
    piece = browser.http.get(f"{HERE}/history?part=latest", headers=HTML).text
    assert ("<html" in piece, "Added gdal" in piece) == (False, True)
    added = record_of(project, "Added alpha<2")
    asked = browser.post(f"{HERE}/restore", record=added)
    words = ("Go back to the environment after “Added alpha&lt;2”?", "gdal", "ready at once", 'name="sure"')
    assert [word for word in words if word not in asked.text] == []
    assert "conda" in project.manifest_text()
    page = done(browser, browser.post(f"{HERE}/restore", record=added, sure="1"))
    assert "Went back to the environment of “Added alpha&lt;2”" in page
    assert "conda" not in project.manifest_text()
    again = browser.post(f"{HERE}/restore", record=added)
    assert "The project has that very environment" in again.text
    older = browser.http.get(f"{HERE}/history?before={added}", headers=HTML).text
    assert older.count('class="change"') == 1
    assert browser.post(f"{HERE}/restore", record="0" * 26).status_code == 404


def test_going_back_counts_although_it_cannot_be_made_here(
    browser: Browser, project: Project, tmp_path: Path
) -> None:
    done(browser, browser.post(f"{HERE}/add", packages="alpha<2"))
    added, digest = record_of(project, "Added alpha<2"), current_lock(project).pip.digest
    done(browser, browser.post(f"{HERE}/remove", package="alpha"))
    shutil.rmtree(project.settings.home / "environments" / digest)
    lock = project.path / "environment" / "pylock.toml"
    assert "It is made on this machine right after" in browser.post(f"{HERE}/restore", record=added).text
    for name in ("wheels", "cache"):
        shutil.rmtree(tmp_path / name)
    page = done(browser, browser.post(f"{HERE}/restore", record=added, sure="1"))
    assert "The environment is the one of then again" in page
    assert 'name = "alpha"' in lock.read_text()


def test_logs_are_kept_also_of_what_failed(browser: Browser, project: Project) -> None:
    assert "Nothing was built yet" in browser.http.get(f"{HERE}/logs", headers=HTML).text
    page = done(browser, browser.post(f"{HERE}/add", packages="no-such-package"))
    assert [word for word in ("It did not work", "Build logs", "Failed") if word not in page] == []
    listed = browser.http.get(f"{HERE}/logs", headers=HTML).text
    address = re.search(rf"{HERE}/logs/\w+", listed)[0]
    shown = browser.http.get(address, headers=HTML).text
    assert ("no-such-package" in shown, "Finding versions" in shown) == (True, True)
    text = browser.http.get(f"{address}/text")
    assert "no-such-package" in text.text
    assert "attachment" in text.headers["content-disposition"]
    assert browser.http.get(f"{HERE}/logs/{'0' * 26}", headers=HTML).status_code == 404


def test_the_piece_that_shows_work_tells_of_its_end(browser: Browser, project: Project) -> None:
    done(browser, browser.post(f"{HERE}/add", packages="alpha"))
    ended = browser.http.get(f"{HERE}/job?open=1")
    assert ended.headers["HX-Trigger"] == '{"tm:built": null}'
    assert "HX-Trigger" not in browser.http.get(f"{HERE}/job").headers


def test_an_engine_that_is_not_there_is_refused_with_its_reason(browser: Browser, project: Project) -> None:
    done(browser, browser.post(f"{HERE}/add", packages="alpha"))
    for place in ("make", "verify"):
        page = done(browser, browser.post(f"{HERE}/{place}", engine="slurm"))
        assert "There is no engine “slurm”" in page
    assert find_proofs(project, current_lock(project).digest) == ()


def test_where_it_is_made_and_proved(browser: Browser, project: Project) -> None:
    page = browser.http.get(HERE, headers=HTML).text
    assert "Made and proved" not in page
    assert "Nothing is locked yet" in browser.http.get(f"{HERE}/places", headers=HTML).text
    page = done(browser, browser.post(f"{HERE}/add", packages="alpha"))
    assert ("Made and proved" in page, 'id="place-local"' in page) == (True, True)
    lock = current_lock(project)
    proof = Proof(
        lock.digest, 1764000000.0, "docker", ok=False, compared={"packages": 9, "files": 20, "parts": 2},
        differences=(Difference("/opt/a", "a file of the system is another", "1", "2"),),
        image="trailmark/a:latest", image_id="sha256:" + "b" * 64, base="debian:12", seconds=61.0, more=3,
    )  # fmt: skip
    keep_proof(project, proof)
    page = browser.http.get(HERE, headers=HTML).text
    words = ("Not equal", "trailmark/a:latest", "debian:12", "1 min 1 s", "A file of the system is another")
    assert [word for word in words if word not in page] == []
    assert "and 3 more differences" in page
    piece = browser.http.get(f"{HERE}/places?part=list", headers=HTML).text
    assert [name for name in ("local", "docker", "podman") if f'id="place-{name}"' not in piece] == []


def test_a_secret_is_given_on_the_page(browser: Browser, project: Project) -> None:
    settings = HERE.replace("environment", "settings")
    answer = browser.post(f"{settings}/secrets", secret="ERA5_KEY", value="", back="environment")
    assert (answer.url.path, "ERA5_KEY" in answer.text, "Missing" in answer.text) == (HERE, True, True)
    answer = browser.post(f"{settings}/secrets", secret="ERA5_KEY", value="s3cret-1", back="environment")
    assert ("Missing" in answer.text, "s3cret-1" in answer.text) == (False, False)
    elsewhere = browser.post(f"{settings}/secrets", secret="OTHER", value="", back="//evil.example")
    assert elsewhere.url.path == settings
