import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark_capture.text import Kept, collapse, collapse_counted, strip_ansi

WORDS = ["a", "bc", " 10%|##  |", "é", "[", "\r", "\n", "\r\n", "\r\r\n", "\b"]
ESCAPES = ["[31m", "[0m", "[K", "[2K", "[1A", "[B", "[3C", "[2D", "[5G", "[J", "]0;t\x07", "", "["]
PIECES = st.lists(st.sampled_from(WORDS + ["\x1b" + code for code in ESCAPES]), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\n", "plain\n"),
        ("dos\r\nlines\r\r\n", "dos\nlines\n"),
        ("\r 10%\r 50%\r100%\n", "100%\n"),
        ("long line\rshort\n", "shortline\n"),
        ("long line\r\x1b[Kshort\n", "short\n"),
        ("wait |\b/\b-\bdone\n", "wait done\n"),
        ("a\x1b[31mred\x1b[0m\n", "a\x1b[31mred\x1b[0m\n"),
        ("\x1b[32m 10%\x1b[0m\r\x1b[32m100%\x1b[0m\n", "\x1b[32m100%\x1b[0m\n"),
        ("\x1b]0;title\x07text\x1b[?25l", "text"),
        ("one\ntwo\x1b[1A\rONE\x1b[1B\rTWO\n", "ONE\nTWO\n"),
        ("one\ntwo\x1b[1A\nX\nY", "one\nXwo\nY"),
        ("\x1b[2K\r5/5 done", "5/5 done"),
        ("x\x1b[3Cy", "x   y"),
        ("abcdef\x1b[3Dxyz", "abcxyz"),
        ("first\nsecond\nthird\x1b[2A\r\x1b[Jlast", "last"),
    ],
)
def test_collapse_shows_what_a_terminal_shows(written: str, shown: str) -> None:
    assert collapse(written) == shown


def test_nested_progress_bars_keep_their_last_state() -> None:
    bars = "".join(f"\router {n}%\n\rinner {n * 2}%\x1b[A" for n in range(0, 51, 10))
    assert collapse("begin\n" + bars + "\n\nend\n") == "begin\nouter 50%\ninner 100%\nend\n"


def test_quiet_stretches_between_bars_are_left_alone() -> None:
    quiet = "a \x1b[31mred\x1b[0m line\n" * 10_000
    assert collapse_counted("\r1\r2\n" + quiet + "\r3\r4\n" + quiet) == (f"2\n{quiet}4\n{quiet}", 2)


def test_frames_are_counted() -> None:
    assert collapse_counted("\r1\r2\r3\n") == ("3\n", 2)
    assert collapse_counted("no bar\n") == ("no bar\n", 0)


def test_a_cursor_far_away_does_not_fill_the_memory() -> None:
    assert len(collapse("\x1b[9999999Cx\n" * 10_000)) < 3_000_000


@settings(deadline=None)
@given(PIECES)
def test_collapsing_twice_is_collapsing_once(text: str) -> None:
    assert collapse(collapse(text)) == collapse(text)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(blacklist_characters="\r\x08\x1b")))
def test_text_without_movements_is_left_alone(text: str) -> None:
    assert collapse(text) == text
    assert strip_ansi(text) == text


@settings(deadline=None)
@given(st.text())
def test_no_escape_is_left(text: str) -> None:
    assert "\x1b" not in strip_ansi(text)


def test_strip_ansi() -> None:
    assert strip_ansi("\x1b[1;31mValueError\x1b[0m: \x1b]8;;u\x1b\\x\x1b]8;;\x1b\\\x1b(B") == "ValueError: x"


def test_a_stream_below_the_limit_is_whole() -> None:
    kept = Kept(100)
    for piece in (b"caf\xc3", b"\xa9\n", "naïve\n"):
        kept.write(piece)
    assert kept.text() == "café\nnaïve\n"
    assert not kept.is_cut
    assert kept.output("stdout", 3) == {
        "mime": "text/plain",
        "name": "stdout",
        "group": 3,
        "text": "café\nnaïve\n",
    }


def test_a_stream_beyond_the_limit_keeps_head_tail_size_and_hash() -> None:
    kept = Kept(8_000)
    whole = b"".join(b"line %d\n" % n for n in range(20_000))
    for start in range(0, len(whole), 777):
        kept.write(whole[start : start + 777])
    output = kept.output("stdout", 0)
    assert output["truncated"] == {"bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    lines = output["text"].splitlines()
    assert lines[0] == "line 0"
    assert lines[-1] == "line 19999"
    assert f"{len(whole):,} bytes in all" in output["text"]
    assert all(line.startswith(("line ", "[")) for line in lines)
    assert len(output["text"]) < 8_100
    assert kept.held < 20_000


def test_nothing_is_left_of_a_secret_that_the_cut_would_split() -> None:
    secret = "s3cr3t-" * 30
    for before in range(3_000, 4_200, 50):
        kept = Kept(8_000)
        kept.write("x" * before + secret + "y" * 100_000 + secret + "z" * before)
        assert "s3cr3t" not in kept.text().replace(secret, "")


def test_a_long_progress_bar_is_not_cut() -> None:
    kept = Kept(10_000)
    kept.write("begin\n")
    for step in range(10_000):
        kept.write(f"\rstep {step:5d}/10000 \x1b[32m####\x1b[0m")
    kept.write("\nend\n")
    assert kept.text() == "begin\nstep  9999/10000 \x1b[32m####\x1b[0m\nend\n"
    assert not kept.is_cut
    assert kept.output("stderr", 0)["frames"] == 10_000


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30), st.integers(64, 400))
def test_collapsing_in_pieces_is_collapsing_at_once(pieces: list[str], limit: int) -> None:
    kept = Kept(limit)
    for piece in pieces:
        kept.write(piece)
    if not kept.is_cut:
        assert strip_ansi(kept.text()) == strip_ansi(collapse("".join(pieces)))


@settings(deadline=None)
@given(st.binary(max_size=3_000), st.integers(0, 500), st.booleans())
def test_any_bytes_are_kept_in_bounds(data: bytes, limit: int, terminal: bool) -> None:
    kept = Kept(limit, terminal=terminal)
    for start in range(0, len(data), 100):
        kept.write(data[start : start + 100])
    kept.text()
    assert kept.size == len(data)
    assert kept.sha256() == hashlib.sha256(data).hexdigest()
    assert kept.is_cut or kept.held <= limit


def test_a_stream_can_be_cut_later() -> None:
    kept = Kept(10_000)
    kept.write("line\n" * 1_000)
    kept.shrink(1_000)
    assert kept.is_cut
    assert len(kept.text()) < 1_100
    kept.write("last\n")
    assert kept.text().endswith("last\n")
