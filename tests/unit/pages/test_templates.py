import json
import re

import pytest
from jinja2 import UndefinedError
from tests.unit.pages.page_samples import HOSTILE, Page, assert_inert, environment, frame

from trailmark.pages.frame import Frame, ProjectChoice
from trailmark.pages.templates import PAGES, STATIC

CALLS = [
    'ui.button(word, attrs={"data-x": word})',
    'ui.button(word, href=word, kind="primary", icon_name="plus")',
    'ui.icon_button("cross", word)',
    'ui.field("name", word, value=word, hint=word, error=word)',
    'ui.textarea("name", word, value=word, hint=word)',
    'ui.select("name", word, [(word, word)], value=word, hint=word)',
    'ui.checkbox("name", word, True, hint=word)',
    "ui.badge(word, title=word)",
    'ui.tabs([("a", word, word)], "a", word)',
    "ui.progress(word, 0.5, word)",
    "ui.progress(word)",
    'ui.toast(word, "bad")',
    'ui.notice(word, "warn", word)',
    "ui.breadcrumbs([(word, word), (word, none)])",
    "ui.dropzone(frame, word, hint=word)",
    "ui.avatar(word)",
    "ui.avatar(word, True)",
    "ui.kbd(word)",
    "ui.when(0)",
    "ui.copy(text=word, label=word)",
    "ui.digest(word)",
    "ui.digest(none)",
    "ui.empty(word, word)",
    'ui.icon("cell", word)',
    "ui.csrf(frame)",
]
BLOCKS = [
    "ui.card(word, href=word)",
    'ui.table([word, (word, "number")], caption=word)',
    'ui.dialog("d", word)',
    "ui.menu(word)",
    "ui.menu(none)",
    "ui.empty(word, word)",
    "ui.notice(word)",
]


def render(source: str, **context: object) -> str:
    template = '{% import "pages/ui.html" as ui %}' + source
    return environment().from_string(template).render(frame=frame(), word=HOSTILE, **context)


@pytest.mark.parametrize("call", CALLS)
def test_each_piece_keeps_its_words_as_text(call: str) -> None:
    assert_inert(re.sub(r"(href|action)=\"[^\"]*\"", "", render("{{ " + call + " }}")))


@pytest.mark.parametrize("call", BLOCKS)
def test_each_piece_around_others_keeps_its_words_as_text(call: str) -> None:
    html = render("{% call " + call + " %}<b>inside</b>{% endcall %}")
    assert "<b>inside</b>" in html
    assert_inert(re.sub(r"(href|action)=\"[^\"]*\"", "", html))


@pytest.mark.parametrize("status", ["ok", "error", "interrupted", "aborted", "lost"])
def test_each_status_has_a_word_and_not_only_a_colour(status: str) -> None:
    page = Page(render(f'{{{{ ui.status_mark("{status}") }}}}'))
    assert page.one("span").text.strip()
    assert page.one("span").attributes["title"]


def test_what_is_not_given_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()


def test_the_frame_works_without_a_project() -> None:
    html = environment().get_template("pages/base.html").render(frame=Frame())
    assert_inert(html)
    page = Page(html)
    assert page.one("main", id="main")
    assert page.one("a", _class="skip").attributes["href"] == "#main"
    assert "data-theme" not in page.one("html").attributes


def test_the_frame_holds_all_it_is_given() -> None:
    given = Frame(
        csrf="tok",
        theme="dark",
        person="Ada",
        projects=(ProjectChoice("ada", "penguins", current=True), ProjectChoice("ada", HOSTILE)),
        project=frame(live=True, session_url="http://127.0.0.1:8888/lab", notice=HOSTILE).project,
        events="/events",
        jobs="/jobs/tray",
    )
    html = environment().get_template("pages/project.html").render(frame=given, told=HOSTILE)
    assert_inert(html)
    page = Page(html)
    assert page.one("html").attributes["data-theme"] == "dark"
    assert page.one("body").attributes["data-events"] == "/events"
    assert page.one("meta", name="csrf-token").attributes["content"] == "tok"
    assert page.one("div", id="jobs-tray").attributes["hx-get"] == "/jobs/tray"
    tabs = [link.text for link in page.find("a") if link.attributes.get("data-go")]
    assert tabs == ["Overview", "Activity", "Environment", "Files", "Branches", "Settings"]
    assert page.one("a", data_go="a").attributes["aria-current"] == "page"
    assert "Open JupyterLab" in page.one("a", _class="live").text


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<g id="i-([a-z]+)"', (PAGES / "layout/icons.html").read_text()))
    named = re.compile(r'(?:icon|icon_button)\("([a-z]+)"|icon_name="([a-z]+)"')
    used = {a or b for path in PAGES.rglob("*.html") for a, b in named.findall(path.read_text())}
    assert used <= drawn


def test_static_addresses_change_with_their_files() -> None:
    made = environment().from_string("{{ static('trailmark.css') }}").render()
    assert re.fullmatch(r"/static/trailmark\.css\?v=[0-9a-f]{10}", made)


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in (*PAGES.rglob("*.html"), STATIC / "trailmark.css", STATIC / "trailmark.js"):
        text = path.read_text()
        assert not re.findall(r"(?:src|href)=\"https?:|url\(['\"]?https?:|@import|//cdn", text), path


def test_htmx_is_kept_from_evaluating_strings() -> None:
    page = Page(environment().get_template("pages/base.html").render(frame=Frame()))
    settings = json.loads(page.one("meta", name="htmx-config").attributes["content"] or "")
    assert settings["allowEval"] is False
    assert settings["includeIndicatorStyles"] is False
    assert settings["selfRequestsOnly"] is True
    assert (STATIC / "vendor/LICENSE-htmx.txt").read_text().startswith("Zero-Clause BSD")
