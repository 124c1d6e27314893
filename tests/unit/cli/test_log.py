"""`trailmark log`: the shapes that programs rely on, filters, and one record in full."""

import hashlib

import pytest

FIELDS = {
    "id", "kind", "title", "status", "started", "seconds", "author", "actor", "tool", "engine", "environment",
    "commit", "source", "continues", "reads", "writes", "outputs",
}  # fmt: skip


@pytest.fixture
def worked(call, rain):
    """A project in which a command ran, failed, and a note was written. The ids, oldest first."""
    call("run", "--", "sh", "-c", "echo marmot; echo oops >&2; exit 3", folder=rain)
    call("note", "Curious *marmots*", folder=rain, TRAILMARK_ACTOR="robot")
    return rain


def test_run_answers_a_program_with_the_record_and_the_code_of_the_command(call, rain):
    ran = call("run", "--json", "--", "sh", "-c", "echo marmot; echo oops >&2; exit 3", folder=rain)
    assert ran.code == 3
    assert ran.value["exit_code"] == 3
    assert ran.value == call("log", "--json", folder=rain).value[0] | {"exit_code": 3}
    assert "marmot" in ran.err
    assert "oops" in ran.err


def test_log_lists_newest_first_with_every_promised_field(call, worked):
    found = call("log", "--json", folder=worked).value
    assert [each["kind"] for each in found] == ["note", "run", "project"]
    for each in found:
        assert each.keys() >= FIELDS
        assert len(each["commit"]) == 40
        assert each["author"] == "Ada Lovelace <ada@example.org>"
    note, run, project = found
    assert note["actor"] == "program:robot"
    assert (run["status"], run["tool"], run["engine"]) == ("error", "trailmark", "local")
    assert [output["mime"] for output in run["outputs"]] == ["text/plain", "text/plain"]
    assert run["outputs"][0]["digest"] == hashlib.sha256(b"marmot\n").hexdigest()
    assert {"README.md", "trailmark.toml"} <= {file["path"] for file in project["writes"]}


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--kind", "run"], ["run"]),
        (["--status", "error"], ["run"]),
        (["--search", "marmot"], ["note", "run"]),
        (["--search", "nothing-of-it"], []),
        (["--actor", "program"], ["note"]),
        (["--actor", "person"], ["run", "project"]),
        (["--file", "README.md"], ["project"]),
        (["--tool", "jupyterlab"], []),
        (["--person", "Ada Lovelace", "--limit", "2"], ["note", "run"]),
        (["--since", "1h", "--until", "today"], ["note", "run", "project"]),
        (["--until", "yesterday"], []),
        (["--branch", "main"], ["note", "run", "project"]),
        (["--limit", "0"], ["note", "run", "project"]),
    ],
)
def test_filters(call, worked, options, kinds):
    assert [each["kind"] for each in call("log", *options, "--json", folder=worked).value] == kinds


def test_pages_follow_each_other(call, worked):
    first = call("log", "--limit", "2", "--json", folder=worked).value
    rest = call("log", "--before", first[-1]["id"][:14], "--json", folder=worked).value
    assert [each["kind"] for each in rest] == ["project"]
    assert "--before" in call("log", "--limit", "2", folder=worked).out


def test_one_record_in_full(call, worked):
    (run,) = call("log", "--kind", "run", "--json", folder=worked).value
    full = call("log", run["id"], "--json", folder=worked).value
    assert full["exit_code"] == 3
    assert "sh -c" in full["code"]
    assert "marmot" in full["text"]
    assert "error" in full
    assert {name: full[name] for name in FIELDS} == {name: run[name] for name in FIELDS}
    text = call("log", run["commit"][:12], folder=worked).out
    assert "marmot" in text
    assert "exit code" in text


def test_an_output_is_printed_or_saved(call, worked, tmp_path):
    (run,) = call("log", "--kind", "run", "--json", folder=worked).value
    assert call("log", run["id"], "--output", "0", folder=worked).out == "marmot\n"
    saved = tmp_path / "saved.txt"
    value = call("log", run["id"], "--output", "1", "-o", str(saved), "--json", folder=worked).value
    assert saved.read_bytes() == b"oops\n"
    assert value["digest"] == hashlib.sha256(b"oops\n").hexdigest()


def test_an_output_that_is_not_there(call, worked, tmp_path):
    (run,) = call("log", "--kind", "run", "--json", folder=worked).value
    assert call("log", run["id"], "--output", "9", folder=worked).code == 1
    assert call("log", run["id"], "--output", "0", "-o", str(tmp_path / "no" / "x"), folder=worked).code == 1
    assert call("log", "--output", "0", folder=worked).code == 2


def test_wrong_filters_are_told(call, worked):
    assert call("log", "--kind", "sell", folder=worked).code == 2
    refused = call("log", "--since", "whenever", folder=worked)
    assert refused.code == 2
    assert "is no time" in refused.err
    assert call("log", "01ZZZZZZ", folder=worked).code == 1


def test_text_is_grouped_by_day(call, worked):
    lines = call("log", folder=worked).out.splitlines()
    assert lines[0].split(", ")[0] in {
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    }
    assert "Curious *marmots*" in lines[1]
    assert lines[1].endswith("by robot")
    assert "by " not in lines[2]


def test_an_empty_answer_says_so(call, worked):
    assert "No record is like that." in call("log", "--search", "xyzzy", folder=worked).out
