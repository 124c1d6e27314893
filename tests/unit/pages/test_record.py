from typing import Any

import pytest
from tests.unit.pages.page_samples import (
    HOSTILE,
    LINKS,
    NOW,
    Page,
    assert_inert,
    environment,
    figure,
    frame,
    stored,
    text_output,
)

from trailmark.activity import FileRef, OutputRef, StoredRecord, Truncation
from trailmark.pages.record import Neighbour, Surroundings, WrittenNote, build_record, wanted_outputs

BASE = "/p/ada/penguins/activity/01KRECORD"


def rendered(record: StoredRecord, **around: Any) -> str:
    page = build_record(record, Surroundings(**around), LINKS)
    return environment().get_template("pages/record/record.html").render(frame=frame(), page=page)


def test_a_record_says_what_when_who_and_with_what() -> None:
    record = stored(
        tool="jupyterlab",
        engine="local",
        environment="9f8e7d6c5b4a" * 5,
        source="code/analysis.ipynb#c1",
        execution_count=7,
        files_by="shim",
        detail={"resources": {"cpu_seconds": 1.25, "max_rss_bytes": 312_000_000}},
    )
    page = Page(rendered(record, commit="c" * 40, branches=("main", "try")))
    facts = {term.text: value.text for term, value in zip(page.find("dt"), page.find("dd"), strict=False)}
    text = page.one("main").text
    assert "Cell 7 of analysis.ipynb" in text
    assert "Mon 23 November 2026, 10:00:00" in text
    assert "took 500 ms" in text
    assert "Ada Lovelace" in text
    assert "JupyterLab" in text
    assert "312 MB" in text
    assert page.find("a", href="/p/ada/penguins/environment")
    assert page.find("button", data_copy="c" * 40)
    assert "main, try" in text
    assert "Keyboard shortcuts" not in facts


def test_a_program_is_told_from_a_person() -> None:
    text = Page(rendered(stored(actor="program:robot"))).one("main").text
    assert "robot, a program, for Ada Lovelace" in text


def test_code_is_highlighted_and_can_be_copied() -> None:
    page = Page(rendered(stored("import os\n\nos.getcwd()")))
    assert page.one("pre", id="code").text == "import os\n\nos.getcwd()"
    assert page.find("span", _class="kn")
    assert page.one("button", data_copy_from="#code")


def test_each_display_is_shown_in_the_form_that_says_most() -> None:
    outputs = (
        text_output(group=0, name="stdout"),
        text_output("text/html", group=1),
        text_output(group=1),
        figure(2),
        text_output(group=2),
        OutputRef("application/x-strange", 1200, "f" * 64, "", group=3),
        text_output("text/markdown", group=4),
    )
    assert wanted_outputs(outputs) == (0, 6)
    page = Page(
        rendered(
            stored(outputs=outputs),
            contents={0: b"\x1b[31mred\x1b[0m <b>", 6: b"**bold** <script>x</script>"},
        )
    )
    assert page.one("span", _class="ansi-1").text == "red"
    frames = page.one("iframe")
    assert frames.attributes["src"] == f"{BASE}/outputs/1/frame"
    assert frames.attributes["sandbox"] == "allow-scripts"
    assert f"{BASE}/outputs/3" in [image.attributes.get("src") for image in page.find("img")]
    assert page.one("div", _class="prose").text.strip().startswith("bold")
    downloads = {link.attributes["href"] for link in page.find("a") if "download" in link.attributes}
    assert downloads >= {f"{BASE}/outputs/{number}?download=1" for number in range(7)}


def test_streams_do_not_mix() -> None:
    outputs = (text_output(group=0, name="stdout"), text_output(group=0, name="stderr"))
    page = Page(rendered(stored(outputs=outputs), contents={0: b"out", 1: b"err"}))
    assert page.one("div", _class="stdout").text.strip().startswith("out")
    assert "standard error" in page.one("div", _class="stderr").text


def test_what_was_left_out_is_said() -> None:
    outputs = (
        text_output(group=0, truncated=Truncation(120_000_000, "ab" * 32)),
        text_output(group=1, frames=50),
    )
    text = rendered(stored(outputs=outputs), contents={0: b"head", 1: b"last"})
    assert "It was 120 MB in all" in text
    assert "abababababababab…" in text
    assert "The last of 50 frames." in text


def test_long_text_folds_and_huge_text_is_cut() -> None:
    page = Page(rendered(stored(outputs=(text_output(),)), contents={0: b"line\n" * 60}))
    assert "Show all 60 lines" in page.one("button", _class="show-all").text
    huge = rendered(stored(outputs=(text_output(),)), contents={0: b"x" * 900_000})
    assert "The first 200 kB" in huge
    assert len(huge) < 300_000


def test_svg_is_a_picture_and_javascript_is_framed() -> None:
    outputs = (figure(0, "image/svg+xml"), text_output("application/javascript", group=1))
    page = Page(rendered(stored(outputs=outputs)))
    assert page.one("iframe").attributes["src"] == f"{BASE}/outputs/1/frame"
    assert f"{BASE}/outputs/0" in [image.attributes.get("src") for image in page.find("img")]


def test_an_error_shows_its_end_and_the_way_there() -> None:
    page = Page(rendered(stored(status="error", error="Traceback\n  line 1\nKeyError: 'mass'")))
    assert page.one("p", _class="failure-line").text == "KeyError: 'mass'"
    assert "line 1" in page.one("section", _class="failure").text
    assert "Error" in page.one("span", _class="status").text


def test_files_lead_to_what_they_were() -> None:
    record = stored(
        reads=(FileRef("input/a.csv", "a" * 64, 13_000), FileRef("/data/b.csv", "b" * 64, 5, external=True)),
        writes=(FileRef("output/big.bin", "c" * 64, 20_000_000, held=False),),
        deletes=("old.csv",),
    )
    page = Page(rendered(record))
    assert page.find("a", href="/p/ada/penguins/files/input/a.csv?at=01KRECORD")
    assert page.find("a", href="/p/ada/penguins/raw/input/a.csv?at=01KRECORD&download=1")
    assert not page.find("a", href="/p/ada/penguins/files/output/big.bin?at=01KRECORD")
    text = page.one("table").text
    assert "outside the project" in text
    assert "git does not hold it" in text
    assert "old.csv" in text
    assert page.find("button", data_copy="a" * 64)


def test_notes_are_read_and_written_here() -> None:
    note = WrittenNote("01KNOTE", "Use the **bill** " + HOSTILE, "Grace Hopper <g@x>", "person", NOW - 60)
    html = rendered(stored(), notes=(note,))
    page = Page(html)
    assert_inert(html)
    assert page.one("article", _class="note-text").text.startswith("Use the bill")
    assert page.find("form", action=f"{BASE}/note", method="post")
    assert page.find("textarea", name="text")


def test_every_form_that_changes_something_carries_the_token() -> None:
    page = Page(rendered(stored()))
    forms = [form for form in page.find("form") if form.attributes.get("method") == "post"]
    assert len(forms) == 4
    assert len(page.find("input", name="csrf", value="token")) == len(forms)
    assert {form.attributes["action"] for form in forms} >= {
        f"{BASE}/note",
        f"{BASE}/rollback",
        f"{BASE}/branch",
    }


def test_where_the_project_stands_there_is_no_going_back() -> None:
    assert not Page(rendered(stored(), current=True)).find("form", action=f"{BASE}/rollback")


def test_records_that_belong_together_lead_to_each_other() -> None:
    html = rendered(
        stored(continues="01KFIRST"),
        continues=Neighbour("01KFIRST", "the first"),
        continued_by=(Neighbour("01KLATER", "the later one"),),
        newer=Neighbour("01KNEWER", "n"),
        older=Neighbour("01KOLDER", "o"),
    )
    page = Page(html)
    for record in ("01KFIRST", "01KLATER", "01KNEWER", "01KOLDER"):
        assert page.find("a", href=f"/p/ada/penguins/activity/{record}")
    assert "This continues the first." in html


def test_what_showed_nothing_says_so() -> None:
    assert "It showed nothing." in rendered(stored())
    assert "It showed nothing." not in rendered(stored(code=None, kind="files", title="Change a"))


@pytest.mark.parametrize("kind", ["note", "files", "environment", "rollback", "project", "run", "expression"])
def test_each_kind_has_a_page(kind: str) -> None:
    code = "ls" if kind in ("run", "expression") else None
    html = rendered(stored(code, "words", kind=kind, title="A title"))
    assert ("A title" in html) or kind in ("run", "expression")


def test_hostile_content_stays_text() -> None:
    record = stored(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        title=HOSTILE,
        author=HOSTILE,
        actor=f"program:{HOSTILE}",
        tool=HOSTILE,
        source=HOSTILE,
        environment=HOSTILE,
        language=HOSTILE,
        reads=(FileRef(HOSTILE, HOSTILE),),
        deletes=(HOSTILE,),
        outputs=(text_output("text/html"), text_output(HOSTILE, group=1), text_output("text/latex", group=2)),
        detail={"resources": HOSTILE},
    )
    around = {
        "commit": HOSTILE,
        "branches": (HOSTILE,),
        "older": Neighbour(HOSTILE, HOSTILE),
        "contents": {2: HOSTILE.encode()},
    }
    assert_inert(rendered(record, **around))
