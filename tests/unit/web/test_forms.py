"""What pages change is changed, recorded, and said; what cannot be is refused with words and changes nothing."""

import io
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from trailmark.projects.delete import list_trash
from trailmark.projects.new import new_project
from trailmark.projects.project import Project, open_project
from trailmark.projects.secret_files import secret_files
from trailmark.projects.secrets import secret_values
from trailmark.settings import Settings
from trailmark.web.importing import route as importing
from trailmark.web.security import CSRF_FIELD

from .conftest import Browser

HERE = "/p/ada/tides"


@pytest.fixture
def project(settings: Settings) -> Project:
    return new_project("tides", settings, description="Sea level")


def titles(browser: Browser, name: str = "tides") -> list[str]:
    """The titles of a project's records, newest first."""
    return [record["title"] for record in browser.http.get(f"/api/projects/ada/{name}/records").json()]


def told(answer: httpx.Response) -> str:
    """What the page says once: the words of its toasts."""
    return " ".join(re.findall(r'class="toast[^>]*>\s*<p>(.*?)</p>', answer.text, re.S))


def settled(browser: Browser, answer: httpx.Response) -> httpx.Response:
    """The page that a job leads to, once it is over."""
    deadline = time.monotonic() + 30
    while answer.url.path.startswith("/jobs/"):
        assert time.monotonic() < deadline
        job = browser.http.get(f"/api{answer.url.path}").json()
        if job["state"] == "done":
            return browser.http.get(job["link"], follow_redirects=True)
        assert job["state"] in ("waiting", "running"), job["error"]
        time.sleep(0.05)
    return answer


def test_a_new_project(browser: Browser, settings: Settings) -> None:
    answer = browser.post("/new", name="bees", description="Do bees fly in rain?", packages="numpy, pandas")
    assert answer.url.path == "/p/ada/bees/"
    assert "bees is ready" in told(answer)
    assert "toast" not in browser.http.get("/p/ada/bees/").text.split('id="toasts"')[1].split("</div>")[0]
    made = open_project(settings.projects / "ada" / "bees", settings)
    assert made.manifest().packages == ("numpy", "pandas")


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "con", "tides", "-x", "x" * 200])
def test_a_name_that_cannot_be_is_said_beside_its_field(
    browser: Browser, project: Project, name: str
) -> None:
    answer = browser.post("/new", name=name, description="Kept as typed")
    assert answer.status_code == 422
    if name.strip():
        assert 'aria-invalid="true"' in answer.text
        assert "Kept as typed" in answer.text
    assert len(browser.http.get("/api/projects").json()) == 1


def test_the_readme(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/readme", text="# Tides\r\n\r\nUp and **down**.")
    assert "<strong>down</strong>" in answer.text
    assert (project.path / "README.md").read_bytes() == b"# Tides\n\nUp and **down**."
    assert titles(browser)[0] == "Edited the README"
    assert "says that already" in told(browser.post(f"{HERE}/readme", text="# Tides\n\nUp and **down**."))


def test_notes_of_their_own_and_about_a_record(browser: Browser, project: Project) -> None:
    browser.post(f"{HERE}/activity", text="The datum moved.")
    first = browser.http.get("/api/projects/ada/tides/records?kind=project").json()[0]["id"]
    answer = browser.post(f"{HERE}/activity/{first}/note", text="It began **here**.")
    assert answer.url.path == f"{HERE}/activity/{first}"
    assert "<strong>here</strong>" in answer.text
    assert titles(browser)[:2] == ["It began **here**.", "The datum moved."]
    assert browser.post(f"{HERE}/activity", text=" ").status_code == 422


@pytest.mark.parametrize("about", ["", "/{first}/note"])
def test_a_note_that_is_refused_stays_in_its_field(browser: Browser, project: Project, about: str) -> None:
    first = browser.http.get("/api/projects/ada/tides/records?kind=project").json()[0]["id"]
    address = f"{HERE}/activity{about.format(first=first)}"
    merging = project.path / ".git" / "MERGE_HEAD"
    merging.write_text("0" * 40)
    refused = browser.post(address, text="\n  Kept <as> typed")
    assert refused.status_code == 409
    assert ">\n\n  Kept &lt;as&gt; typed</textarea>" in refused.text
    assert "A merge, rebase or cherry-pick" in refused.text.partition('id="f-text-error"')[2]
    merging.unlink()
    assert 'aria-invalid="true"' in browser.post(address, text=" ").text
    assert browser.post(address, text="Kept").status_code == 200
    assert titles(browser)[0] == "Kept"


def test_going_back(browser: Browser, project: Project) -> None:
    browser.post(f"{HERE}/readme", text="before")
    before = browser.http.get("/api/projects/ada/tides/records?limit=1").json()[0]["id"]
    browser.post(f"{HERE}/readme", text="after")
    answer = browser.post(f"{HERE}/activity/{before}/rollback")
    assert "as it was then" in told(answer)
    assert (project.path / "README.md").read_text() == "before"
    assert titles(browser)[0] == "Went back to “Edited the README”"


def test_branches_begin_are_switched_to_and_end(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/branches/new", branch="splines", switch="1")
    assert "You are on splines" in told(answer)
    browser.post(f"{HERE}/readme", text="on splines")
    assert "You are on main" in told(browser.post(f"{HERE}/branches/switch", branch="main"))
    assert (project.path / "README.md").read_text() != "on splines"
    assert browser.post(f"{HERE}/branches/new", branch="splines").status_code == 422
    asked = browser.post(f"{HERE}/branches/end", branch="splines")
    assert "End the branch splines?" in asked.text
    assert "has ended" in told(browser.post(f"{HERE}/branches/end", branch="splines", sure="1"))
    assert [b["name"] for b in browser.http.get("/api/projects/ada/tides/branches").json()] == ["main"]


def test_a_branch_from_a_record(browser: Browser, project: Project) -> None:
    first = browser.http.get("/api/projects/ada/tides/records").json()[-1]["id"]
    browser.post(f"{HERE}/readme", text="later")
    answer = browser.post(f"{HERE}/activity/{first}/branch", name="from-the-start")
    assert answer.url.path == f"{HERE}/branches"
    assert "from-the-start" in answer.text
    for name, status, why in (
        ("main", 409, "There is a branch main already"),
        ("a b", 422, "cannot be the name"),
    ):
        refused = browser.post(f"{HERE}/activity/{first}/branch", name=name)
        assert refused.status_code == status
        assert f'value="{name}"' in refused.text
        assert why in refused.text.partition('id="f-name-error"')[2]
        assert '<details class="menu ask" open>' in refused.text


def test_a_record_names_the_branches_that_hold_it(browser: Browser, project: Project) -> None:
    browser.post(f"{HERE}/activity", text="On both")
    browser.post(f"{HERE}/branches/new", branch="try")
    browser.post(f"{HERE}/activity", text="On **main** alone")
    found = browser.http.get("/api/projects/ada/tides/records").json()
    on = {record["title"]: record["branches"] for record in found}
    assert on["On both"] == ["main", "try"]
    assert on["On **main** alone"] == ["main"]
    assert on["Began the branch try"] == ["try"]
    for record in found:
        whole = browser.http.get(f"/api/projects/ada/tides/records/{record['id']}").json()
        assert whole["branches"] == record["branches"]
        facts = browser.http.get(f"{HERE}/activity/{record['id']}").text.partition("<h3>Facts</h3>")[2]
        assert f"<dd>{', '.join(record['branches'])}</dd>" in facts
    notes = browser.http.get("/api/projects/ada/tides/records?kind=note&branch=try").json()
    assert [note["branches"] for note in notes] == [["main", "try"]]


def test_where_a_note_is_a_title_its_markup_is_not_shown(browser: Browser, project: Project) -> None:
    browser.post(f"{HERE}/activity", text="# On `main` the **datum** [moved](https://example.org)")
    first = browser.http.get("/api/projects/ada/tides/records?limit=1").json()[0]["id"]
    for address in (f"{HERE}/branches", "/", f"{HERE}/activity/{first}", f"{HERE}/activity", f"{HERE}/"):
        page = browser.http.get(address).text
        assert "On main the datum moved" in page
        assert "**datum**" not in page


def test_description_name_and_limit(browser: Browser, project: Project, settings: Settings) -> None:
    browser.post(f"{HERE}/settings/describe", description="Level of the sea")
    browser.post(f"{HERE}/settings/limits", megabytes="25")
    assert project.manifest().description == "Level of the sea"
    assert project.max_file_bytes() == 25 * 1024 * 1024
    assert browser.post(f"{HERE}/settings/limits", megabytes="0").status_code == 422
    answer = settled(browser, browser.post(f"{HERE}/settings/rename", new_name="sea-level"))
    assert answer.url.path == "/p/ada/sea-level/settings"
    assert not project.path.exists()
    assert titles(browser, "sea-level")[0] == "Renamed the project tides to sea-level"


def test_a_rename_to_what_cannot_be(browser: Browser, project: Project, settings: Settings) -> None:
    new_project("bees", settings)
    for name in ("bees", "a/b", ""):
        assert browser.post(f"{HERE}/settings/rename", new_name=name).status_code == 422
    assert project.path.exists()


def test_secrets_are_named_in_the_project_and_kept_outside_of_it(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/settings/secrets", secret="ERA5_KEY", value="hunter2")
    assert "Value kept" in answer.text
    assert "hunter2" not in answer.text
    assert project.manifest().secrets == ("ERA5_KEY",)
    assert secret_values(project) == {"ERA5_KEY": "hunter2"}
    for path in project.path.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()
    assert "No value yet" in browser.post(f"{HERE}/settings/secrets/forget", secret="ERA5_KEY").text
    browser.post(f"{HERE}/settings/secrets/forget", secret="ERA5_KEY", unname="1")
    assert project.manifest().secrets == ()
    assert browser.post(f"{HERE}/settings/secrets", secret="not a name").status_code == 422


def test_a_copy(browser: Browser, project: Project) -> None:
    answer = settled(browser, browser.post(f"{HERE}/settings/copy", copy_name="tides-2"))
    assert answer.url.path == "/p/ada/tides-2/"
    assert titles(browser, "tides-2") == ["Copied the project tides as tides-2", "Started the project tides"]
    assert browser.post(f"{HERE}/settings/copy", copy_name="tides-2").status_code == 422


def test_delete_asks_for_the_name_and_the_trash_gives_back(
    browser: Browser, project: Project, settings: Settings
) -> None:
    assert "Delete tides?" in browser.post(f"{HERE}/settings/delete").text
    wrong = browser.post(f"{HERE}/settings/delete", sure="1", typed="tide")
    assert "That is not its name" in wrong.text
    assert project.path.exists()
    answer = settled(browser, browser.post(f"{HERE}/settings/delete", sure="1", typed="tides"))
    assert answer.url.path == "/"
    assert not project.path.exists()
    trashed = list_trash(settings)[0].id
    assert "ada/tides" in browser.http.get("/trash").text
    new_project("tides", settings)
    taken = browser.post("/trash/restore", trashed=trashed)
    assert taken.status_code == 422
    assert "Put it back as" in taken.text
    back = browser.post("/trash/restore", trashed=trashed, new_name="tides-again")
    assert back.url.path == "/p/ada/tides-again/"
    assert list_trash(settings) == []


def test_the_trash_destroys_only_when_asked_twice(
    browser: Browser, project: Project, settings: Settings
) -> None:
    settled(browser, browser.post(f"{HERE}/settings/delete", sure="1", typed="tides"))
    trashed = list_trash(settings)[0].id
    assert "cannot be undone" in browser.post("/trash/destroy", trashed=trashed).text
    assert list_trash(settings)
    settled(browser, browser.post("/trash/destroy", trashed=trashed, sure="1"))
    assert list_trash(settings) == []


def test_folders_moves_and_deletions(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/change/folder", within="code", folder="lib")
    assert answer.url.path == f"{HERE}/files/code/lib"
    (project.path / "code" / "a.py").write_text("print(1)\n", encoding="utf-8")
    browser.post(f"{HERE}/change/move", path="code/a.py", to="code/lib/b.py")
    assert (project.path / "code" / "lib" / "b.py").read_text() == "print(1)\n"
    assert titles(browser)[0] == "Renamed code/a.py to code/lib/b.py"
    assert browser.post(f"{HERE}/change/move", path="code/lib/b.py", to="../outside").status_code == 422
    assert browser.post(f"{HERE}/change/move", path="code/lib/b.py", to="README.md").status_code == 422
    asked = browser.http.get(f"{HERE}/change/delete?path=code/lib/b.py")
    assert "Delete code/lib/b.py?" in asked.text
    assert "deleted" in told(browser.post(f"{HERE}/change/delete", path="code/lib/b.py"))
    assert not (project.path / "code" / "lib" / "b.py").exists()


def test_several_files_at_once(browser: Browser, project: Project) -> None:
    for name in ("a.csv", "b.csv"):
        (project.path / "input" / name).write_text(name, encoding="utf-8")
    chosen = ["input/a.csv", "input/b.csv"]
    browser.post(f"{HERE}/change/move", path=chosen, to="output/old")
    assert (project.path / "output" / "old" / "b.csv").read_text() == "b.csv"
    browser.post(f"{HERE}/change/delete", path=["output/old/a.csv", "output/old/b.csv"])
    assert not (project.path / "output" / "old" / "a.csv").exists()


def test_a_plain_form_uploads(browser: Browser, project: Project) -> None:
    answer = browser.http.post(
        f"{HERE}/change/upload?folder=input",
        data={"csrf": browser.csrf},
        files=[("files", ("a.csv", b"1,2\n")), ("files", ("../../b.csv", b"3,4\n"))],
        follow_redirects=True,
    )
    assert "2 files uploaded" in told(answer)
    assert (project.path / "input" / "a.csv").read_bytes() == b"1,2\n"
    assert (project.path / "input" / "b.csv").read_bytes() == b"3,4\n"
    assert titles(browser)[:2] == ["Uploaded 2 files to input/", "Started the project tides"]


def test_an_upload_in_pieces_goes_on_after_an_interruption(browser: Browser, project: Project) -> None:
    address, content = "/api/projects/ada/tides/uploads", bytes(range(256)) * 100
    wanted = {"path": "input/deep/raw.bin", "size": len(content), "stamp": "1700000000"}

    def ask(method: str, path: str, **more: object) -> httpx.Response:
        return browser.http.request(method, f"{address}{path}", headers=browser.header, **more)  # type: ignore[arg-type]

    upload = ask("POST", "", json=wanted).json()
    assert ask("PUT", f"/{upload['id']}?offset=0", content=content[:10_000]).json()["offset"] == 10_000
    assert ask("POST", "/finish", json={"uploads": [upload["id"]]}).status_code == 422
    again = ask("POST", "", json=wanted).json()
    assert (again["id"], again["offset"]) == (upload["id"], 10_000)
    wrong = ask("PUT", f"/{upload['id']}?offset=0", content=content[:10])
    assert (wrong.status_code, wrong.json()["offset"]) == (409, 10_000)
    ask("PUT", f"/{upload['id']}?offset=10000", content=content[10_000:])
    assert ask("POST", "/finish", json={"uploads": [upload["id"]]}).json()["paths"] == ["input/deep/raw.bin"]
    assert (project.path / "input" / "deep" / "raw.bin").read_bytes() == content
    assert ask("GET", f"/{upload['id']}").status_code == 404
    assert ask("POST", "", json={**wanted, "path": "../x"}).status_code == 422
    assert ask("POST", "", json={**wanted, "path": ".git/config"}).status_code == 422


def test_a_piece_that_is_too_large_is_refused(browser: Browser, project: Project) -> None:
    address = "/api/projects/ada/tides/uploads"
    size = 9 * 1024 * 1024
    upload = browser.http.post(address, json={"path": "a", "size": size}, headers=browser.header).json()
    refused = browser.http.put(
        f"{address}/{upload['id']}?offset=0", content=bytes(size), headers=browser.header
    )
    assert refused.status_code == 422


def test_an_import_is_shown_before_it_is_made(browser: Browser, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "a.py").write_text("import numpy\n", encoding="utf-8")
    asked = settled_import(browser, browser.post("/import", source=str(folder)))
    assert "This is what was found" in asked.text
    assert "numpy" in asked.text
    assert browser.http.get("/api/projects").json() == []
    plan = asked.url.path
    assert browser.post(plan, new_name="a/b", packages="", python=">=3.11").status_code == 422
    made = settled(browser, browser.post(plan, new_name="bees", packages="numpy\npandas\n", python=">=3.11"))
    assert made.url.path == "/p/ada/bees/"
    found = open_project(settings.projects / "ada" / "bees", settings)
    assert found.manifest().packages == ("numpy", "pandas")
    assert browser.http.get(plan).status_code == 404


def test_an_import_that_is_not_wanted_leaves_nothing(
    browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.py").write_text("", encoding="utf-8")
    asked = settled_import(browser, browser.post("/import", source=str(tmp_path / "thesis")))
    browser.post(f"{asked.url.path}/discard")
    assert list((settings.home / "imports").iterdir()) == []
    assert browser.http.get("/api/projects").json() == []


def test_an_import_of_nothing_is_refused(browser: Browser) -> None:
    assert browser.post("/import", source="").status_code == 422
    refused = settled_import(browser, browser.post("/import", source="/nowhere/at/all"))
    assert refused.status_code == 422
    assert "There is no folder or file" in refused.text


def test_an_export_can_be_imported_again(browser: Browser, project: Project) -> None:
    browser.post(f"{HERE}/activity", text="It travels along.")
    exported = settled(browser, browser.post(f"{HERE}/export"))
    assert "tides.trailmark" in exported.headers["content-disposition"]
    answer = browser.http.post(
        "/import",
        data={"csrf": browser.csrf},
        files={"file": ("tides.trailmark", io.BytesIO(exported.content))},
        follow_redirects=True,
    )
    asked = settled_import(browser, answer)
    assert "A whole trail" in asked.text
    made = settled(browser, browser.post(asked.url.path, new_name="tides-back"))
    assert made.url.path == "/p/ada/tides-back/"
    assert "It travels along." in titles(browser, "tides-back")


def test_files_that_are_imported_at_the_same_time_do_not_take_each_other_away(
    browser: Browser, project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = settled(browser, browser.post(f"{HERE}/export")).content
    both, plan_import = threading.Barrier(2, timeout=30), importing.plan_import

    def together(*given, **named):
        both.wait()
        return plan_import(*given, **named)

    def upload() -> httpx.Response:
        return browser.http.post(
            "/import",
            data={"csrf": browser.csrf},
            files={"file": ("tides.trailmark", io.BytesIO(exported))},
            follow_redirects=True,
        )

    monkeypatch.setattr(importing, "plan_import", together)
    with ThreadPoolExecutor(2) as pool:
        answers = [job.result() for job in [pool.submit(upload), pool.submit(upload)]]
    assert ["A whole trail" in settled_import(browser, answer).text for answer in answers] == [True, True]
    assert list((settings.home / "imports").glob("received-*")) == []


def settled_import(browser: Browser, answer: httpx.Response) -> httpx.Response:
    """The page that a look at an import leads to."""
    deadline = time.monotonic() + 30
    while answer.url.path.startswith("/import/looking/"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        answer = browser.http.get(answer.url.path, follow_redirects=True)
    return answer


def test_what_is_told_is_text(browser: Browser, project: Project) -> None:
    answer = browser.post(f"{HERE}/change/folder", folder="<b>x</b>".replace("<", "(").replace(">", ")"))
    assert answer.status_code == 200
    browser.http.cookies.set("trailmark-told", "good:%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert(1)" not in browser.http.get("/").text


def test_a_secret_file_is_kept_and_forgotten(browser: Browser, project: Project) -> None:
    page = browser.http.post(
        f"{HERE}/settings/secret-files",
        data={"secret_file": "KAGGLE", "place": "~/.kaggle/kaggle.json", CSRF_FIELD: browser.csrf},
        files={"upload": ("kaggle.json", b"{}")},
        follow_redirects=True,
    )
    assert "The file KAGGLE is kept" in told(page)
    assert "File kept" in page.text
    assert secret_files(project)[0].path.read_bytes() == b"{}"
    assert "No file yet" in browser.post(f"{HERE}/settings/secret-files/forget", secret_file="KAGGLE").text
    assert browser.post(f"{HERE}/settings/secret-files/forget", secret_file="OTHER").status_code == 422
    refused = browser.post(f"{HERE}/settings/secret-files", secret_file="A", place="/etc/passwd")
    assert refused.status_code == 422
