from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pages.page_samples import HOSTILE, Page

from trailmark.pages.ansi import ansi_to_html, strip_ansi


def test_colours_become_classes() -> None:
    assert ansi_to_html("\x1b[31mred\x1b[0m plain") == '<span class="ansi-1">red</span> plain'
    assert ansi_to_html("\x1b[1;92mok\x1b[22;39m!") == '<span class="ansi-bold ansi-10">ok</span>!'
    assert ansi_to_html("\x1b[44mback\x1b[49m") == '<span class="ansi-on-4">back</span>'
    assert ansi_to_html("\x1b[7;31mturned\x1b[m") == '<span class="ansi-inverse ansi-on-1">turned</span>'


def test_many_colours_become_the_nearest_of_sixteen() -> None:
    assert ansi_to_html("\x1b[38;5;196mr") == '<span class="ansi-1">r</span>'
    assert ansi_to_html("\x1b[38;2;250;250;250mw") == '<span class="ansi-15">w</span>'
    assert ansi_to_html("\x1b[38;5;244mg") == '<span class="ansi-8">g</span>'
    assert ansi_to_html("\x1b[38;5;9999mg\x1b[38;2;1mh") != ""


def test_what_programs_print_is_escaped() -> None:
    assert ansi_to_html("a < b & c") == "a &lt; b &amp; c"
    assert not Page(ansi_to_html(f"\x1b[31m{HOSTILE}\x1b[0m")).find("script")


def test_cursor_titles_and_links_leave_no_trace() -> None:
    assert strip_ansi("\x1b]0;title\x07a\x1b[2K\x1b[1Ab\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\") == "ablink"
    assert strip_ansi("\x1b]0;never ends\nkept") == "\nkept"
    assert strip_ansi("\x1b(B\x00x\x7f") == "x"


def test_carriage_returns_and_backspaces_are_carried_out() -> None:
    assert strip_ansi("10 %\r50 %\r100 %\ndone\r\n") == "100 %\ndone\n"
    assert strip_ansi("abc\b\bX") == "aX"


@given(st.text(alphabet=st.sampled_from("\x1b[]0123456789;:m<>&\"'\r\n\b\x07\\AK ab"), max_size=60))
def test_any_text_becomes_spans_and_nothing_else(text: str) -> None:
    assert {element.tag for element in Page(ansi_to_html(text)).elements} <= {"span"}
    assert "\x1b" not in strip_ansi(text)
