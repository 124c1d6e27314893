import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pages.page_samples import HOSTILE, LINKS, Page, assert_inert

from trailmark.pages.readme import plain_title, render_document, render_markdown

PAYLOADS = [
    HOSTILE,
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "![x](javascript:alert(1))",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<svg onload=alert(1)><script>1</script></svg>",
    "<iframe src=https://example.org></iframe>",
    "<form action=/x><input name=csrf></form>",
    "<style>*{display:none}</style><link rel=stylesheet href=/x>",
    "<meta http-equiv=refresh content='0;url=//example.org'>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<img src='x' style='position:fixed' onerror=alert(1)>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<details ontoggle=alert(1) open>",
    "```<script>\nalert(1)\n```",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_acts_survives(payload: str) -> None:
    html = render_markdown(payload, link=lambda path: f"/l/{path}", image=lambda path: f"/i/{path}")
    assert_inert(html)
    tags = {element.tag for element in Page(html).elements}
    assert not tags & {"script", "style", "svg", "math", "iframe", "form", "input", "link", "meta"}


@given(st.text(alphabet=st.sampled_from("<>/\"'=&[]()!*_`#ascriptonerf:;- \n"), max_size=80))
def test_any_text_is_inert(text: str) -> None:
    assert_inert(render_markdown(text))


def test_prose_code_and_tables() -> None:
    html = render_markdown(
        "# Title\n\nSome **bold** words.\n\n```python\ndef f(): pass\n```\n\n|a|b|\n|-|-:|\n|1|2|\n"
    )
    page = Page(html)
    assert page.one("h2").text == "Title"
    assert page.one("strong").text == "bold"
    assert page.find("span", _class="k")[0].text == "def"
    assert [cell.text for cell in page.find("td")] == ["1", "2"]


def test_headings_stay_below_the_page_s_own() -> None:
    assert [e.tag for e in Page(render_markdown("# a\n## b\n###### c", level=3)).elements] == [
        "h3",
        "h4",
        "h6",
    ]


def test_links_lead_into_the_project_at_the_same_commit() -> None:
    html = render_document(
        "[data](../input/a%20b.csv) ![plot](plot.png) [up](../../etc/passwd) [web](https://example.org) [abs](/new)",
        "docs/README.md",
        LINKS,
        at="abc",
    )
    page = Page(html)
    assert [link.attributes.get("href") for link in page.find("a")] == [
        "/p/ada/penguins/files/input/a%20b.csv?at=abc",
        None,
        "https://example.org",
        None,
    ]
    assert page.one("img").attributes["src"] == "/p/ada/penguins/raw/docs/plot.png?at=abc"


def test_pictures_from_elsewhere_are_not_loaded() -> None:
    html = render_markdown(
        "![a](https://example.org/pixel.png) ![b](//example.org/p.png) ![c](data:image/png;base64,AAAA)"
    )
    assert [image.attributes.get("src") for image in Page(html).find("img")] == [
        None,
        None,
        "data:image/png;base64,AAAA",
    ]


def test_links_to_elsewhere_give_nothing_away() -> None:
    link = Page(render_markdown("[x](https://example.org)")).one("a")
    assert "noreferrer" in (link.attributes["rel"] or "")


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("The **datum** `moved` by _3_ [mm](https://example.org)", "The datum moved by 3 mm"),
        ("- first of a list", "first of a list"),
        ("a < b & c <b>bold</b>", "a < b & c bold"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_the_title_of_a_note_is_plain_text(title: str, plain: str) -> None:
    assert plain_title(title) == plain
    assert plain_title(title, "cell") == title
