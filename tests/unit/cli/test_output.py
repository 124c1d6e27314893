import click
import pytest

from trailmark.cli import output
from trailmark.errors import InvalidInput


def test_table_aligns_and_never_pads_the_end():
    assert output.table([("a", "1"), ("long", "2")]) == "a     1\nlong  2"


def test_table_measures_what_is_seen():
    text = output.table([(output.strong("ab"), "x"), ("日本", "y")])
    assert click.unstyle(text) == "ab    x\n日本  y"


def test_table_of_nothing():
    assert output.table([]) == ""


def test_fields_leaves_out_what_has_no_value():
    assert click.unstyle(output.fields({"name": "rain", "about": ""})) == "name  rain"


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1400, "1.4 KB"), (23_000_000, "23 MB"), (5e12, "5.0 TB")]
)
def test_size(count, said):
    assert output.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0.31, "0.3 s"), (12, "12 s"), (245, "4 min 5 s"), (7380, "2 h 3 min")],
)
def test_duration(seconds, said):
    assert output.duration(seconds) == said


def test_clean_keeps_lines_and_tabs_and_nothing_a_terminal_obeys():
    assert output.clean("a\tb\r\nc\x1b[31m\x9b\u202e") == "a\tb\nc\ufffd[31m\ufffd\ufffd"


def test_one_line_is_cut():
    assert output.one_line("a\nb " * 40, 9) == "a b a b …"


def test_confirm_without_a_terminal_says_how_to_answer(monkeypatch):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    with pytest.raises(InvalidInput, match="--yes"):
        output.confirm("Delete rain?", yes=False)


def test_confirm_when_already_answered():
    output.confirm("Delete rain?", yes=True)
