"""Every page is there, well made, and works without script."""

import pytest
from fastapi.testclient import TestClient

from trailmark.activity import Action, Change, NewFile, Output, file_ref, record
from trailmark.projects.branches import new_branch
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.note import add_note
from trailmark.projects.project import Project
from trailmark.settings import Settings

from .conftest import Browser
from .crawling import crawl, read_page

HTML = {"Accept": "text/html"}
NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
def project(settings: Settings) -> Project:
    """A project with something of each kind on its trail."""
    made = new_project("tides", settings, description="Sea level since 1843", packages=("numpy",))
    data = b"year,level\n1843,495\n1844,502\n"
    for path, content in (("input/level.csv", data), ("code/levels.ipynb", NOTEBOOK)):
        (made.path / path).write_bytes(content)
    catch_up(made)
    table = b"<table><tr><td>1</td></tr></table><script>alert(1)</script>"
    for number, (status, error) in enumerate((("ok", None), ("error", "Traceback\nZeroDivisionError: no"))):
        path = f"output/level-{number}.csv"
        (made.path / path).parent.mkdir(exist_ok=True)
        (made.path / path).write_bytes(data)
        record(
            made.trail,
            Action(
                "cell",
                "levels.plot()",
                status=status,  # type: ignore[arg-type]
                code="# Plot the levels\nlevels.plot()\n",
                source="code/levels.ipynb#abc",
                tool="jupyterlab",
                session="01SESSION",
                language="python",
                error=error,
                reads=(file_ref("input/level.csv", data),),
                writes=(file_ref(path, data),),
                outputs=(
                    Output("image/png", PIXEL, group=1),
                    Output("text/html", table, group=2),
                    Output("text/plain", b"done", name="stdout", group=3),
                ),
            ),
            Change(put={path: NewFile(data)}),
        )
    add_note(made, "The datum **moved** in 1937.")
    new_branch(made, "splines")
    return made


def test_every_link_leads_somewhere_and_every_page_is_well_made(browser: Browser, project: Project) -> None:
    pages = crawl(browser.http, "/")
    assert len(pages) > 40
    assert {page.path: page.status for page in pages if page.status != 200} == {}
    assert {page.path: page.faults for page in pages if page.faults} == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ("tides", "Sea level since 1843", "Plot the levels", "numpy")),
        ("activity", ("Plot the levels", "levels.plot()", "level-0.csv", "ZeroDivisionError", "moved")),
        ("activity?kind=note", ("moved",)),
        ("activity?search=datum", ("moved",)),
        ("activity?status=error", ("ZeroDivisionError",)),
        ("environment", ("numpy", "Not resolved yet", "Lock now")),
        ("files", ("code", "input", "output", "README.md")),
        ("files/output/level-0.csv", ("1843", "495", "<table")),
        ("branches", ("main", "splines", "You are here")),
        ("settings", ("tides", "Delete the project", "ERA5_KEY")),
        ("readme", ("# tides",)),
    ],
)
def test_a_projects_pages_show_what_there_is(
    browser: Browser, project: Project, path: str, words: tuple[str, ...]
) -> None:
    answer = browser.http.get(f"/p/ada/tides/{path}", headers=HTML)
    assert answer.status_code == 200
    for word in words:
        assert word in answer.text


def test_filters_take_away_what_does_not_fit(browser: Browser, project: Project) -> None:
    for query in ("kind=note", "search=datum", "kind=branch"):
        assert "levels.plot()" not in browser.http.get(f"/p/ada/tides/activity?{query}").text
    assert "Nothing on the trail fits" in browser.http.get("/p/ada/tides/activity?search=zebra").text
    assert browser.http.get("/p/ada/tides/activity?kind=zebra", headers=HTML).status_code == 422


def test_the_trail_comes_page_by_page(browser: Browser, project: Project) -> None:
    for number in range(60):
        add_note(project, f"Remark {number:02}")
    first = browser.http.get("/p/ada/tides/activity").text
    assert "Remark 59" in first
    assert "Remark 09" not in first
    older = next(link for link in read_page("/p/ada/tides/activity", 200, first).links if "before=" in link)
    second = browser.http.get(older).text
    assert "Remark 09" in second
    assert "Remark 59" not in second
    assert "Started the project tides" in second


def test_news_is_what_came_after(browser: Browser, project: Project) -> None:
    newest = browser.http.get("/api/projects/ada/tides/records?limit=1").json()[0]["id"]
    address = f"/p/ada/tides/activity?part=days&after={newest}"
    assert "data-record" not in browser.http.get(address).text
    add_note(project, "Something new")
    news = browser.http.get(address).text
    assert news.count("data-record=") == 1
    assert "Something new" in news
    assert "kind=note" in news, "news that is the first of its kind can be filtered for at once"


def test_files_as_they_were_at_a_record(browser: Browser, project: Project) -> None:
    first = browser.http.get("/api/projects/ada/tides/records?kind=project").json()[0]["id"]
    then = browser.http.get(f"/p/ada/tides/files/output?at={first}", headers=HTML)
    assert "level-0.csv" not in then.text
    assert "as it was" in then.text
    assert browser.http.get(f"/p/ada/tides/raw/output/level-0.csv?at={first}").status_code == 404
    now = browser.http.get("/p/ada/tides/raw/output/level-0.csv")
    assert now.content.startswith(b"year,level")
    assert "sandbox" in now.headers["content-security-policy"]
    assert browser.http.get("/p/ada/tides/files?at=zebra", headers=HTML).status_code == 404


def test_what_a_stranger_made_stays_in_a_sandbox(browser: Browser, project: Project) -> None:
    cell = browser.http.get("/api/projects/ada/tides/records?kind=cell").json()[0]
    page = browser.http.get(f"/p/ada/tides/activity/{cell['id']}").text
    assert "<script>alert(1)" not in page
    frame = browser.http.get(f"/p/ada/tides/activity/{cell['id']}/outputs/1/frame")
    assert "alert(1)" in frame.text
    policy = frame.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    picture = browser.http.get(f"/p/ada/tides/activity/{cell['id']}/outputs/0")
    assert (picture.headers["content-type"], picture.content) == ("image/png", PIXEL)
    assert browser.http.get(f"/p/ada/tides/activity/{cell['id']}/outputs/9").status_code == 404
    archive = browser.http.get(f"/p/ada/tides/activity/{cell['id']}/outputs.zip")
    assert archive.content[:2] == b"PK"
    assert archive.headers["content-disposition"].startswith("attachment")


def test_a_download_is_offered_not_shown(browser: Browser, project: Project) -> None:
    (project.path / "page.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    answer = browser.http.get("/p/ada/tides/raw/page.html?download=1")
    assert answer.headers["content-disposition"].startswith("attachment")
    shown = browser.http.get("/p/ada/tides/raw/page.html")
    assert "sandbox" in shown.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "raw/../../../../etc/passwd",
        "raw/%2e%2e/%2e%2e/secret",
        "raw/.git/config",
        "raw/.GIT/config",
        "raw//etc/passwd",
        "files/.git",
        "files/%2e%2e",
        "raw/link",
        "raw/folder/secret",
    ],
)
def test_nothing_outside_the_project_is_read(browser: Browser, project: Project, path: str) -> None:
    secret = project.path.parent / "secret"
    secret.write_text("SECRET", encoding="utf-8")
    (project.path / "link").symlink_to(secret)
    (project.path / "folder").symlink_to(project.path.parent)
    answer = browser.http.get(f"/p/ada/tides/{path}", headers=HTML)
    assert answer.status_code == 404
    assert "SECRET" not in answer.text
    assert "[core]" not in answer.text


def test_a_project_that_is_not_there_is_said_to_be_so(browser: Browser) -> None:
    for path in ("/p/ada/nothing/", "/p/../x/", "/p/ada/..%2f..%2fx/", "/p/a%00b/x/"):
        answer = browser.http.get(path, headers=HTML)
        assert answer.status_code == 404, path
    assert "There is no project" in browser.http.get("/p/ada/nothing/", headers=HTML).text
    assert browser.http.get("/api/projects/ada/nothing").json()["error"].startswith("There is no project")


def test_the_first_page_offers_three_ways_to_begin(browser: Browser) -> None:
    page = browser.http.get("/").text
    for words in ("Try the demo", "New project", "Import"):
        assert words in page


def test_projects_are_searched_and_sorted(browser: Browser, settings: Settings, project: Project) -> None:
    new_project("aurora", settings, description="Lights over the sea")
    assert browser.http.get("/?sort=name").text.index("aurora") < browser.http.get("/?sort=name").text.index(
        ">tides"
    )
    found = browser.http.get("/?q=lights+sea").text
    assert "aurora" in found
    assert ">tides<" not in found.split('id="project-cards"')[1]
    assert "No project holds" in browser.http.get("/?q=zebra").text


def test_a_project_whose_manifest_is_broken_is_shown_with_the_reason(
    browser: Browser, project: Project
) -> None:
    project.manifest_path.write_text("name = ", encoding="utf-8")
    assert "not valid TOML" in browser.http.get("/").text
    for path in ("", "activity", "files/trailmark.toml", "branches", "settings"):
        page = browser.http.get(f"/p/ada/tides/{path}", headers=HTML)
        assert page.status_code == 200, path
        assert "not valid TOML" in page.text
        assert "trailmark rollback ID" in page.text
    page = browser.http.get("/p/ada/tides/environment", headers=HTML)
    assert page.status_code == 422
    assert "not valid TOML" in page.text
    assert "not valid TOML" in browser.http.get("/api/projects/ada/tides").json()["problem"]
    (listed,) = browser.http.get("/api/projects").json()
    assert "not valid TOML" in listed["problem"]
    assert listed["last_title"]
    project.manifest_path.unlink()
    assert "is missing" in browser.http.get("/").text
    assert "is missing" in browser.http.get("/p/ada/tides/", headers=HTML).text


def test_errors_are_pages_with_words_and_no_traceback(browser: Browser) -> None:
    answer = browser.http.get("/nowhere", headers=HTML)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert read_page("/nowhere", 404, answer.text).faults == []
    assert browser.http.post("/new", headers={**HTML, **browser.header}).status_code == 422


def test_an_unforeseen_failure_is_told_without_its_insides(browser: Browser) -> None:
    @browser.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the insides")

    cookies = dict(browser.http.cookies)
    quiet = TestClient(browser.app, browser.base, raise_server_exceptions=False, cookies=cookies)
    answer = quiet.get("/broken", headers=HTML)
    assert answer.status_code == 500
    assert "Trailmark itself failed" in answer.text
    assert "insides" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
