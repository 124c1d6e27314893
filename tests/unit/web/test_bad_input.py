"""Whatever is asked for, the answer is an answer: never a failure of Trailmark's own, never anything outside."""

import re
from urllib.parse import quote

import pytest
from fastapi.routing import iter_route_contexts

from trailmark.projects.new import new_project
from trailmark.projects.note import add_note
from trailmark.settings import Settings

from .conftest import Browser

NASTY = [
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "a" * 5000,
    "\x00",
    "\n",
    "é\u202e",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "-x",
    "--output=x",
    "0",
    "-1",
    "99999999999999999999",
    "<script>alert(1)</script>",
    "'\"; DROP TABLE records; --",
    "{{7*7}}",
    "%2e%2e",
    "01M84BHXBGCKCTTXW0Z3MF20RQ",
    "a" * 40,
    "HEAD",
    "refs/heads/main",
    ".git/config",
]
LEFT_OUT = ("/events", "/demo", "/launch", "/sessions", "/environment/")


def addresses(browser: Browser, value: str) -> list[tuple[str, str]]:
    """Every method and address of a project's, with the same value for all that it names."""
    found = []
    for context in iter_route_contexts(browser.app.routes):
        path = context.path or ""
        if "{" not in path or any(part in path for part in LEFT_OUT):
            continue
        there = path.replace("{owner}", "ada").replace("{name}", "tides")
        filled = re.sub(r"\{[^}]+\}", quote(value, safe=""), there)
        found += [(method, filled) for method in sorted((context.methods or set()) - {"HEAD", "DELETE"})]
    return found


@pytest.fixture
def tides(settings: Settings) -> None:
    project = new_project("tides", settings)
    add_note(project, "The datum moved.")


@pytest.mark.usefixtures("tides")
@pytest.mark.parametrize("value", NASTY)
def test_no_address_makes_trailmark_fail(browser: Browser, value: str) -> None:
    for method, path in addresses(browser, value):
        if method == "GET":
            answer = browser.http.get(path)
            assert answer.status_code < 500, (path, answer.text[:300])
            assert b"root:" not in answer.content


@pytest.mark.usefixtures("tides")
@pytest.mark.parametrize("value", NASTY)
def test_no_query_makes_trailmark_fail(browser: Browser, value: str) -> None:
    names = {
        "/": "q sort",
        "/p/ada/tides/activity": "kind file status actor since branch search before after day",
        "/p/ada/tides/files/README.md": "at",
        "/p/ada/tides/change/move": "path",
    }
    for page, known in names.items():
        for name in known.split():
            answer = browser.http.get(page, params={name: value}, headers={"Accept": "text/html"})
            assert answer.status_code < 500, (page, name, answer.text[:300])
            assert "<script>alert(1)" not in answer.text


@pytest.mark.usefixtures("tides")
@pytest.mark.parametrize("value", NASTY)
def test_no_form_makes_trailmark_fail(browser: Browser, settings: Settings, value: str) -> None:
    here = "/p/ada/tides"
    forms = {
        "/new": ("name",),
        f"{here}/activity": ("text",),
        f"{here}/readme": ("text",),
        f"{here}/branches/new": ("branch",),
        f"{here}/branches/switch": ("branch",),
        f"{here}/branches/end": ("branch",),
        f"{here}/settings/describe": ("description",),
        f"{here}/settings/secrets": ("secret", "value"),
        f"{here}/settings/secrets/forget": ("secret",),
        f"{here}/settings/limits": ("megabytes",),
        f"{here}/settings/copy": ("copy_name",),
        f"{here}/settings/delete": ("typed",),
        f"{here}/change/folder": ("folder", "within"),
        f"{here}/change/move": ("path", "to"),
        f"{here}/change/delete": ("path",),
        "/trash/restore": ("trashed", "new_name"),
        "/trash/destroy": ("trashed",),
        "/import": ("source",),
    }
    value = value.replace("\x00", "") or value
    for path, names in forms.items():
        answer = browser.http.post(path, data={**dict.fromkeys(names, value), "csrf": browser.csrf})
        assert answer.status_code < 500, (path, answer.text[:300])
    assert (settings.projects / "ada" / "tides" / "trailmark.toml").exists()
    assert not list(settings.projects.parent.glob("*passwd*"))
