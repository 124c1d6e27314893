"""A `trailmark.toml` that cannot be read: reading commands go on, others say which line is wrong and what to do."""

import pytest

READING = ["log", "show", "status", "files", "branch", "verify", "list"]
NEEDING = [
    ["env"],
    ["env", "add", "pandas"],
    ["env", "lock"],
    ["launch"],
    ["run", "--", "true"],
    ["describe", "x"],
]


@pytest.fixture(params=["broken", "missing"])
def fault(request, call, rain):
    """Break the manifest of rain; return what every command shall say of it."""
    assert call("-C", "rain", "note", "before").code == 0
    if request.param == "missing":
        (rain / "trailmark.toml").unlink()
        return "trailmark.toml is missing"
    (rain / "trailmark.toml").write_text('name = "rain"\ndescription = [oops\n')
    return "line 2, column"


@pytest.mark.parametrize("command", READING)
def test_reading_goes_on(call, fault, command):
    answer = call("-C", "rain", command, "--json")
    assert answer.code == 0, answer.err
    if command in ("show", "status"):
        assert fault in answer.value["problem"]
    if command == "list":
        (listed,) = answer.value
        assert fault in listed["problem"]
        assert listed["branch"] == "main"
        assert listed["last"]["title"]
    text = call("-C", "rain", command)
    assert text.code == 0, text.err
    if command in ("show", "status"):
        assert fault in text.out


@pytest.mark.parametrize("command", NEEDING, ids=" ".join)
def test_what_needs_it_says_what_is_wrong_and_how_to_mend_it(call, rain, fault, command):
    answer = call("-C", "rain", *command)
    assert answer.code == 1
    assert fault in answer.err
    assert "trailmark rollback ID" in answer.err


def test_what_happens_meanwhile_is_recorded_and_going_back_mends_it(call, rain, fault):
    (rain / "code" / "a.py").write_text("1")
    assert call("-C", "rain", "note", "meanwhile").code == 0
    assert call("-C", "rain", "log", "--file", "code/a.py", "--json").value
    (_, newest, *_) = call("-C", "rain", "log", "--file", "trailmark.toml", "--json").value
    assert call("-C", "rain", "rollback", newest["id"], "--yes").code == 0
    assert call("-C", "rain", "show", "--json").value["problem"] is None
