import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pages.page_samples import HOSTILE, LINKS, Page, assert_inert, environment

from trailmark.pages.notebook import build_notebook, read_notebook, read_output

PNG = base64.b64encode(b"\x89PNG fake").decode()
PATH = "code/a.ipynb"


def notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}
    ).encode()


def code(source: str | list[str], *outputs: dict[str, Any], count: int | None = 1) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "execution_count": count, "outputs": list(outputs)}


def display(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/", 1): value for key, value in data.items()},
    }


def rendered(data: bytes, at: str | None = None) -> str:
    view = build_notebook(data, PATH, LINKS, at=at)
    return environment().get_template("pages/notebook/notebook.html").render(notebook=view)


def test_text_code_and_outputs_in_their_order() -> None:
    data = notebook(
        {"cell_type": "markdown", "source": ["# Penguins\n", "**bold**"]},
        code(
            ["import os\n", "1 + 1"],
            {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
            count=7,
        ),
        code("2", {"output_type": "execute_result", "data": {"text/plain": "2"}}, count=None),
    )
    page = Page(rendered(data))
    assert page.one("h2").text == "Penguins"
    assert [number.text for number in page.find("span", _class="nb-number")] == ["[7]", "[ ]"]
    assert [pre.text for pre in page.find("pre")] == ["import os\n1 + 1", "a\nb", "2", "2"]


def test_outputs_that_could_act_are_framed_at_their_number() -> None:
    data = notebook(
        code("a", display(text_html="<script>1</script>", text_plain="x"), display(image_png=PNG)),
        code("b", display(text_html="<b>late</b>")),
    )
    html = rendered(data, at="abc")
    page = Page(html)
    assert_inert(html)
    assert [frame.attributes["src"] for frame in page.find("iframe")] == [
        "/p/ada/penguins/frame/code/a.ipynb?at=abc&output=0",
        "/p/ada/penguins/frame/code/a.ipynb?at=abc&output=3",
    ]
    assert page.one("img").attributes["src"] == f"data:image/png;base64,{PNG}"
    shown = [read_output(data, number) for number in range(5)]
    assert [(output.ref.mime, output.data) if output else None for output in shown] == [
        ("text/html", b"<script>1</script>"),
        ("text/plain", b"x"),
        ("image/png", b"\x89PNG fake"),
        ("text/html", b"<b>late</b>"),
        None,
    ]


def test_pictures_beyond_what_a_page_can_bear_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trailmark.pages.notebook.view.PICTURE_BYTES", 10)
    html = rendered(notebook(code("a", display(image_png=PNG)), code("b", display(image_png=PNG))))
    assert html.count("<img") == 1
    assert "9 bytes" in html


def test_an_error_in_a_notebook_is_shown_as_one() -> None:
    error = {
        "output_type": "error",
        "ename": "KeyError",
        "evalue": "'m'",
        "traceback": ["\x1b[31mKeyError\x1b[0m", "x"],
    }
    page = Page(rendered(notebook(code("a", error))))
    assert page.one("p", _class="failure-line").text == "KeyError: 'm'"
    assert page.one("span", _class="ansi-1").text == "KeyError"


def test_answers_to_input_are_not_shown() -> None:
    typed = {"output_type": "stream", "name": "stdin", "text": "secret"}
    assert "secret" not in rendered(notebook(code("input()", typed)))


def test_pictures_inside_text_cells_are_shown() -> None:
    cell = {
        "cell_type": "markdown",
        "source": "![p](attachment:p.png) ![q](attachment:q.png)",
        "attachments": {"p.png": {"image/png": PNG}, "q.png": {"text/html": "<script>"}},
    }
    page = Page(rendered(notebook(cell)))
    assert page.find("img")[0].attributes["src"] == f"data:image/png;base64,{PNG}"
    assert all(not (i.attributes.get("src") or "").startswith("data:text") for i in page.find("img"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'{"cells": [', "breaks off"),
        (b"\xff\xfe\x00", "breaks off"),
        (b"[" * 100_000, "breaks off"),
        (b"[]", "no notebook"),
        (b"{}", "no list of cells"),
        (b'{"nbformat": 3, "worksheets": []}', "old format"),
        (b'{\n<<<<<<< ours\n"cells": []\n', "unfinished merge"),
    ],
)
def test_a_broken_notebook_says_why(data: bytes, words: str) -> None:
    html = rendered(data)
    assert "This notebook cannot be shown" in html
    assert words in html


def test_an_empty_notebook_teaches() -> None:
    assert "An empty notebook" in rendered(notebook())


def test_hostile_notebooks_stay_text() -> None:
    data = notebook(
        {"cell_type": "markdown", "source": HOSTILE},
        {"cell_type": HOSTILE, "source": HOSTILE},
        code(
            HOSTILE,
            {"output_type": "stream", "name": HOSTILE, "text": HOSTILE},
            display(**{HOSTILE: HOSTILE}),
        ),
        code("x", {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE]}),
        metadata={"kernelspec": {"display_name": HOSTILE, "language": HOSTILE}},
    )
    assert_inert(rendered(data))


KEYS = [
    "cell_type",
    "source",
    "outputs",
    "data",
    "text",
    "output_type",
    "traceback",
    "text/html",
    "image/png",
]
WORDS = ["code", "markdown", "stream", "error", "display_data"]
JSON = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4), JSON)
def test_anything_that_is_json_can_be_shown(cells: list[Any], metadata: Any) -> None:
    assert_inert(rendered(json.dumps({"nbformat": 4, "cells": cells, "metadata": metadata}).encode()))


@given(st.binary(max_size=200))
def test_anything_at_all_can_be_read(data: bytes) -> None:
    read_notebook(data)
    read_output(data, 0)
