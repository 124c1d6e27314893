import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pages.page_samples import HOSTILE, LINKS, Page, assert_inert, environment

from trailmark.pages.files import Preview, build_preview, mime_of, wanted_bytes
from trailmark.pages.files.preview import TEXT_BYTES
from trailmark.pages.files.table import ROWS


def preview_of(path: str, data: bytes, size: int | None = None) -> Preview:
    whole = len(data) if size is None else size
    return build_preview(path, whole, data[: wanted_bytes(path, whole)], LINKS)


def rendered(path: str, data: bytes, size: int | None = None) -> str:
    template = environment().get_template("pages/files/preview.html")
    return template.render(
        preview=preview_of(path, data, size),
        path=path,
        size=size or len(data),
        digest="d" * 64,
        download="/raw",
    )


def test_a_delimited_file_is_a_table() -> None:
    data = "name,mass_g,note\n" + "\n".join(f"bird {n},{n * 1.5},n{n}" for n in range(300))
    table = preview_of("a.csv", data.encode()).table
    assert table is not None
    assert table.heads == ("name", "mass_g", "note")
    assert table.numeric == (False, True, False)
    assert len(table.rows) == ROWS
    assert table.more_rows
    page = Page(rendered("a.csv", data.encode()))
    assert [cell.text for cell in page.find("th")] == ["Row", "name", "mass_g", "note"]
    assert "The first 200 rows are shown." in rendered("a.csv", data.encode())


@pytest.mark.parametrize(
    ("path", "text", "delimiter"),
    [
        ("a.csv", "a;b\n1,5;2\n", ";"),
        ("a.tsv", "a\tb\n1\t2\n", "\t"),
        ("a.csv", "a|b|c\n1|2|3\n4|5|6\n", "|"),
    ],
)
def test_the_delimiter_is_found(path: str, text: str, delimiter: str) -> None:
    table = preview_of(path, text.encode()).table
    assert table is not None
    assert table.delimiter == delimiter
    assert len(table.rows[0]) == len(table.heads) > 1


def test_a_table_without_a_header_has_numbered_columns() -> None:
    table = preview_of("a.csv", b"1,2\n3,4\n").table
    assert table is not None
    assert table.heads == ("1", "2")
    assert len(table.rows) == 2


def test_quotes_newlines_and_ragged_rows() -> None:
    table = preview_of("a.csv", b'name,text\nx,"a, b\nc"\ny\nz,1,2\n').table
    assert table is not None
    assert table.rows == (("x", "a, b\nc", ""), ("y", "", ""), ("z", "1", "2"))


def test_the_last_row_of_a_cut_file_is_not_trusted() -> None:
    data = b"a,b\n1,2\n3,4\n5"
    table = build_preview("a.csv", 10_000_000, data, LINKS).table
    assert table is not None
    assert table.rows == (("1", "2"), ("3", "4"))
    assert table.more_rows


def test_code_is_highlighted_with_its_lines_numbered() -> None:
    page = Page(rendered("code/clean.py", b"import os\n\nprint(os)\n"))
    assert page.one("pre", id="file-code").text == "import os\n\nprint(os)"
    assert page.one("pre", _class="line-numbers").text.split() == ["1", "2", "3"]
    assert page.find("span", _class="kn")


def test_a_large_text_is_cut_and_says_so() -> None:
    data = b"line\n" * 2_000_000
    preview = preview_of("log.txt", data)
    assert preview.lines == 5000
    assert "The first 1.0 MB of 10 MB are shown." in preview.notes
    assert wanted_bytes("log.txt", len(data)) == TEXT_BYTES


def test_json_on_one_line_is_laid_out() -> None:
    assert preview_of("a.json", b'{"a": [1, 2]}').lines > 3
    assert preview_of("a.json", b'{"a": ').form == "code"


def test_pictures_notebooks_pages_and_markdown() -> None:
    assert preview_of("p.PNG", b"").form == "image"
    assert preview_of("p.svg", b"<svg/>").src == "/p/ada/penguins/raw/p.svg"
    assert preview_of("r.html", b"<script>").src == "/p/ada/penguins/frame/r.html"
    assert Page(rendered("r.html", b"<script>")).one("iframe").attributes["sandbox"] == "allow-scripts"
    assert "<strong>" in rendered("README.md", b"**x**")
    assert "This notebook cannot be shown" in rendered("a.ipynb", b"{")
    assert wanted_bytes("p.png", 10) == wanted_bytes("r.html", 10) == 0


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("m.pkl", b"\x80\x04\x00", "no preview of pickled Python objects"),
        ("m.bin", b"\x00\x01\x02", "holds no text"),
        ("m.txt", b"", "is empty"),
        ("m.dat", bytes(range(1, 32)) * 90, "holds no text"),
    ],
)
def test_what_cannot_be_shown_says_why(path: str, data: bytes, words: str) -> None:
    html = rendered(path, data)
    assert words in html
    assert "Download (" in html


def test_other_encodings_are_read_and_named() -> None:
    assert preview_of("a.txt", "naïve".encode("cp1252")).notes == ("Read as Windows-1252.",)
    assert preview_of("a.txt", "naïve".encode("utf-16")).notes == ("Read as UTF-16.",)
    assert preview_of("a.txt", "\ufeffnaïve".encode()).code == "naïve"
    assert build_preview("a.txt", 99, "naïve"[:3].encode()[:-1], LINKS).notes == (
        "The first 3 bytes of 99 bytes are shown.",
    )


def test_types_come_from_names_alone() -> None:
    assert mime_of("a.svg") == "image/svg+xml"
    assert mime_of("a.b/README") == "application/octet-stream"
    assert mime_of("a.CSV") == "text/csv"


@given(
    st.sampled_from(["a.csv", "a.tsv", "a.txt", "a.json", "a.md", "a.ipynb", "a.py", "a.R", "Makefile", "a"]),
    st.binary(max_size=120)
    | st.text(alphabet=st.sampled_from("<>\"',;\t\n|a1#`*[]()"), max_size=80).map(str.encode),
)
def test_anything_can_be_previewed(path: str, data: bytes) -> None:
    assert_inert(rendered(path, data))


def test_hostile_files_stay_text() -> None:
    for path in ("a.csv", "a.txt", "a.md", "a.json", HOSTILE, f"{HOSTILE}.html"):
        assert_inert(rendered(path, f"{HOSTILE},{HOSTILE}\n{HOSTILE},1\n".encode()))
