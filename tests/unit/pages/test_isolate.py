import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pages.page_samples import HOSTILE

from trailmark.pages.isolate import isolated_headers, render_document


def directives(headers: dict[str, str]) -> dict[str, str]:
    policy = headers["Content-Security-Policy"].split(";")
    return {part.split()[0]: " ".join(part.split()[1:]) for part in policy if part.strip()}


def test_html_runs_in_an_origin_of_its_own_without_a_network() -> None:
    headers = isolated_headers("text/html; charset=utf-8")
    policy = directives(headers)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert policy["sandbox"] == "allow-scripts"
    assert policy["default-src"] == "'none'"
    assert "connect-src" not in policy
    assert policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert "http" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"])
def test_pictures_keep_their_type_and_are_inert(mime: str) -> None:
    headers = isolated_headers(mime)
    assert headers["Content-Type"] == mime
    assert directives(headers)["sandbox"] == ""
    assert "script-src" not in directives(headers)


@pytest.mark.parametrize(
    "mime", ["text/plain", "text/markdown", "text/css", "text/javascript", "application/json"]
)
def test_text_is_only_text(mime: str) -> None:
    assert isolated_headers(mime)["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "mime",
    [
        "application/pdf",
        "application/javascript",
        "application/x-shockwave-flash",
        "",
        "x",
        "image/bmp",
        "a/b\r\nX: y",
    ],
)
def test_what_browsers_might_interpret_is_a_download(mime: str) -> None:
    headers = isolated_headers(mime)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")


def test_a_download_of_html_is_never_html() -> None:
    headers = isolated_headers("text/html", download="page.html")
    assert headers["Content-Type"] == "application/octet-stream"
    assert 'filename="page.html"' in headers["Content-Disposition"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_can_be_broken_open(mime: str, name: str) -> None:
    for headers in (isolated_headers(mime), isolated_headers(mime, download=name)):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert directives(headers)["default-src"] == "'none'"
        assert "sandbox" in directives(headers)
        for value in headers.values():
            value.encode("latin-1")
            assert not set(value) & {"\r", "\n", "\x00"}
            assert "allow-same-origin" not in value


def test_a_document_holds_what_it_was_given_and_speaks_of_its_height_first() -> None:
    document = render_document("text/html", b"<table><tr><td>1</td></tr></table><!--").decode()
    assert document.startswith("<!doctype html>")
    assert document.index("trailmarkHeight") < document.index("<table>")


def test_javascript_cannot_end_its_own_element() -> None:
    document = render_document("application/javascript", b'element.innerHTML = "</script><b>"').decode()
    assert '"<\\/script><b>"' in document
    assert document.count("</script>") == 2


def test_text_in_a_document_is_escaped() -> None:
    assert "<script>alert" not in render_document("text/plain", HOSTILE.encode()).decode()
