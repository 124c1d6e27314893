"""From journal entries to actions."""

import base64

import pytest

from trailmark.activity import Truncation
from trailmark.projects.entries import TITLE_LENGTH, action_of, checked, error_text, lost, title_of
from trailmark_capture.files.log import Files
from trailmark_capture.journal import time_of


def entry(**facts):
    base = {"type": "end", "id": "01M847FHVQANAA9JWEYFDCXX8A", "kind": "cell", "started": 10.0, "ended": 12.5}
    return {**base, "status": "ok", "code": "x = 1", **facts}


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("# load\nimport pandas as pd\n\ndf = pd.read_csv('a')\n", "df = pd.read_csv('a')"),
        ("%matplotlib inline\nplt.plot(x)", "plt.plot(x)"),
        ("import numpy", "import numpy"),
        ("# Bill length by species\nplot(bills)", "Bill length by species"),
        ("", "code/a.ipynb#1"),
        ("x" * 300, "x" * (TITLE_LENGTH - 1) + "…"),
    ],
)
def test_title_is_the_line_that_tells_most(code, title):
    assert title_of(code, "code/a.ipynb#1") == title


def test_an_end_entry_becomes_an_action_with_its_outputs():
    png = base64.b64encode(b"\x89PNG").decode()
    action = action_of(
        entry(
            source="code/a.ipynb#c1",
            actor="program:bot",
            execution_count=3,
            outputs=[
                {
                    "mime": "text/plain",
                    "name": "stdout",
                    "group": 0,
                    "text": "hi",
                    "truncated": {"bytes": 9, "sha256": "ab"},
                },
                {"mime": "image/png", "group": 1, "base64": png},
            ],
        )
    )
    assert (action.kind, action.status, action.seconds, action.actor) == ("cell", "ok", 2.5, "program:bot")
    assert [output.data for output in action.outputs] == [b"hi", b"\x89PNG"]
    assert action.outputs[0].truncated == Truncation(9, "ab")


def test_a_begin_whose_program_died_is_lost_and_keeps_its_code():
    begin = entry(type="begin")
    del begin["ended"]
    end = lost(begin, Files([], [{"path": "output/a.csv"}], []), 12.0)
    action = action_of(end)
    assert (action.status, action.seconds, action.code) == ("lost", 2.0, "x = 1")
    assert end["writes"] == [{"path": "output/a.csv"}]
    assert action_of(lost(begin, Files([], [], []), 0.0)).seconds == 0.0


def test_what_is_not_as_it_should_be_is_taken_out_and_named():
    facts = checked(
        entry(
            started="soon", ended=float("nan"), notebook=5, reads=["a", {"path": "b"}], writes="c", error=None
        )
    )
    assert facts["unreadable"] == ["ended", "notebook", "reads", "started", "writes"]
    assert (facts["reads"], facts["writes"]) == ([{"path": "b"}], [])
    assert facts["started"] == facts["ended"] == time_of(facts["id"])
    assert action_of(facts).detail["unreadable"] == facts["unreadable"]
    assert checked(entry(id="01m847fhvqanaa9jweyfdcxx8a")) is None


def test_what_an_entry_gets_wrong_is_not_believed():
    action = action_of(
        entry(kind="nonsense", status="fine", ended=1.0, outputs=[{"mime": "image/png", "base64": "%%"}])
    )
    assert (action.kind, action.status, action.seconds) == ("command", "error", 0.0)


def test_an_error_is_told_once():
    assert error_text({"name": "ValueError", "value": "no", "traceback": "Traceback\nValueError: no"}) == (
        "Traceback\nValueError: no"
    )
    assert error_text({"name": "ValueError", "value": "no", "traceback": ""}) == "ValueError: no"
    assert error_text(None) is None
