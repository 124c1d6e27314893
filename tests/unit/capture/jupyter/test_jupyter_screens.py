import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark_capture.jupyter.screens import LIMIT, Screen, Screens

ID = "01J0000000000000000000000A"
START, END = "\x1b]133;C\x07", f"\x1b]133;D;0;trailmark={ID}\x07"


def shown(*pieces: str, limit: int = LIMIT) -> str | None:
    screens = Screens(limit)
    screen = Screen(screens)
    for piece in pieces:
        screen.on_pty_read(piece)
    outputs = screens.outputs(ID, wait=0)
    return outputs[0]["text"] if outputs else None


def test_what_stands_between_the_marks_is_shown() -> None:
    assert shown(f"$ ls\r\n{START}a.csv\r\nb.csv\r\n{END}$ ") == "a.csv\nb.csv\n"


@given(st.lists(st.integers(0, 120), max_size=12))
def test_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = f"$ \x1b[31mls\x1b[0m\r\n{START}one\x1b[?1049hdrawn\x1b[?1049l\r\ntwo\r\n{END}$ "
    places = [0, *sorted(cuts), len(stream)]
    assert shown(*(stream[a:b] for a, b in itertools.pairwise(places))) == "one\ntwo\n"


def test_a_progress_bar_collapses() -> None:
    assert shown(START, "\r10%", "\r50%", "\r100%\r\n", END) == "100%\n"


def test_nothing_shown_is_no_output() -> None:
    assert shown(START, END) is None
    assert shown("$ ", END) is None


def test_a_large_output_is_cut() -> None:
    screens = Screens(10_000)
    screen = Screen(screens)
    screen.on_pty_read(START)
    for number in range(10_000):
        screen.on_pty_read(f"line {number}\r\n")
    screen.on_pty_read(END)
    (output,) = screens.outputs(ID)
    assert output["truncated"]["bytes"] > 100_000
    assert len(output["text"]) < 11_000


@pytest.mark.parametrize("typed", ["hunter2", "h", "\x1b[200~pasted\x1b[201~"])
def test_after_an_answer_nothing_is_kept(typed: str) -> None:
    screens = Screens(LIMIT)
    screen = Screen(screens)
    screen.on_pty_read(f"{START}name? ")
    screen.typed(typed)
    screen.on_pty_read("hunter2\r\nhello hunter2\r\n")
    screen.on_pty_read(END)
    (output,) = screens.outputs(ID)
    assert output["text"].startswith("name? \n[…")
    assert "hunter2" not in output["text"]


@pytest.mark.parametrize("typed", ["\r", "\x03", "\x1b[A", "\x1b[12;40R"])
def test_keys_and_answers_of_the_terminal_itself_are_no_answers(typed: str) -> None:
    screens = Screens(LIMIT)
    screen = Screen(screens)
    screen.on_pty_read(START)
    screen.typed(typed)
    screen.on_pty_read(f"kept\r\n{END}")
    assert screens.outputs(ID)[0]["text"] == "kept\n"


def test_what_is_typed_at_the_prompt_is_no_answer() -> None:
    screens = Screens(LIMIT)
    screen = Screen(screens)
    screen.typed("ls\r")
    screen.on_pty_read(f"ls\r\n{START}kept\r\n{END}")
    assert screens.outputs(ID)[0]["text"] == "kept\n"
