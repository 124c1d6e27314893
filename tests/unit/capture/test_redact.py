import base64
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark_capture.redact import Redactor

VALUE = 'p"ä$$ wörd/+\\end'


def test_a_value_becomes_its_name() -> None:
    redactor = Redactor({"TOKEN": "abc123def", "OTHER": "abc123"})
    assert redactor.text("use abc123def and abc123!") == "use [secret TOKEN] and [secret OTHER]!"


def test_short_values_are_left_alone() -> None:
    assert Redactor({"N": "abc", "EMPTY": ""}).text("abc") == "abc"


@pytest.mark.parametrize(
    "shown",
    [VALUE, json.dumps(VALUE), json.dumps(VALUE, ensure_ascii=False), repr(VALUE), quote(VALUE, safe="")]
    + [base64.b64encode(prefix + VALUE.encode()).decode() for prefix in (b"", b"u", b"me:", b"user:")]
    + [base64.urlsafe_b64encode(b"user:" + VALUE.encode() + b"tail").decode()],
)
def test_the_forms_in_which_programs_show_a_value(shown: str) -> None:
    text = Redactor({"PW": VALUE}).text(f"see {shown} here")
    assert "[secret PW]" in text
    assert shown not in text


def test_lines_of_a_long_key_are_known() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA0123456789\n-----END KEY-----\n"
    assert Redactor({"KEY": key}).text("  MIIEpAIBAAKCAQEA0123456789\n") == "  [secret KEY]\n"


def test_an_entry_is_redacted_throughout_but_for_what_identifies_it() -> None:
    redactor = Redactor({"WORD": "stdout", "PATH": "data", "TOKEN": "tok-12345"})
    entry = {
        "id": "stdout",
        "status": "ok",
        "code": "get('tok-12345')",
        "reads": [{"path": "data/x.csv"}],
        "outputs": [
            {"mime": "text/plain", "name": "stdout", "group": 0, "text": "data tok-12345"},
            {"mime": "image/png", "group": 1, "base64": "stdout+data"},
        ],
        "notebook_outputs": [
            {
                "output_type": "display_data",
                "data": {"image/png": "stdout", "application/json": {"tok-12345": ["tok-12345"]}},
                "metadata": {},
            }
        ],
        "error": {"name": "E", "value": "tok-12345", "traceback": "tok-12345"},
        "exit_code": 0,
    }
    redacted = redactor.entry(entry)
    text = json.dumps(redacted)
    assert "tok-12345" not in text
    assert redacted["id"] == "stdout"
    assert redacted["reads"] == [{"path": "data/x.csv"}]
    assert redacted["outputs"][0]["text"] == "[secret PATH] [secret TOKEN]"
    assert redacted["outputs"][1] == {"mime": "image/png", "group": 1, "base64": "stdout+data"}
    assert redacted["notebook_outputs"][0]["data"]["image/png"] == "stdout"
    assert "data" in redacted["notebook_outputs"][0]
    assert json.dumps(entry).count("tok-12345") == 6


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    redactor = Redactor(path=path)
    assert redactor.text("first-value") == "first-value"
    path.write_text('{"A": "first-value"}')
    assert redactor.text("first-value") == "[secret A]"
    path.write_text('{"A": "second-val')
    assert redactor.text("first-value") == "[secret A]"
    path.write_text('{"A": "second-value"}')
    os.utime(path, (1, 1))
    assert redactor.text("first-value second-value") == "[secret A] [secret A]"


VALUES = st.text(st.sampled_from('xyzÄ"\\\n/+'), min_size=4)


@settings(deadline=None)
@given(st.dictionaries(st.text("ABC", min_size=1, max_size=3), VALUES, max_size=4), st.text(), st.text())
def test_no_value_is_left(secrets: dict[str, str], before: str, after: str) -> None:
    redactor = Redactor(secrets)
    for value in secrets.values():
        redacted = redactor.text(f"{before}\0{value}\0{after}")
        assert not any(value in redacted for value in secrets.values())
