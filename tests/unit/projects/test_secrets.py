"""Secrets do not get into git, whoever writes them into a file."""

import base64
import time

import pytest

from trailmark.activity import load
from trailmark.projects.drain import Drain
from trailmark.projects.secrets import SecretFinder, set_secret
from trailmark.projects.sweep import sweep
from trailmark_capture.journal import Writer, new_id

VALUE = "hunter2-and-more"


@pytest.fixture
def project(project):
    set_secret(project, "TOKEN", VALUE)
    set_secret(project, "WORD", "password")
    return project


def cell(project, *paths):
    now = time.time()
    writer = Writer(project.state / "journal", "kernel-1")
    facts = {"type": "end", "id": new_id(), "kind": "cell", "started": now - 1, "ended": now, "status": "ok"}
    writer.append({**facts, "code": "1", "writes": [{"path": path} for path in paths]})
    writer.close()
    (recorded,) = Drain(project).run()
    return recorded


@pytest.mark.parametrize("text", [VALUE, base64.b64encode(f"ada:{VALUE}".encode()).decode()])
def test_a_file_with_a_secret_is_told_of_once_and_not_committed(project, write, read, files, text):
    write(".env", f"TOKEN={text}\n")
    write("code/a.py", "password = ask()\n")
    record = read(sweep(project))
    assert record.title == "Added code/a.py and noticed .env (holds the value of a secret)"
    assert ".env" not in files()
    assert "code/a.py" in files()
    assert sweep(project) is None
    assert VALUE not in record.to_json().decode()
    write(".env", "TOKEN=\n")
    sweep(project)
    assert files()[".env"] == b"TOKEN=\n"


def test_a_file_into_which_a_secret_comes_leaves_git(project, write, read, files):
    write("code/a.py", "key = ask()\n")
    sweep(project)
    write("code/a.py", f"key = '{VALUE}'\n")
    (written,) = read(sweep(project)).writes
    assert (written.path, written.held) == ("code/a.py", False)
    assert "code/a.py" not in files()
    assert sweep(project) is None


def test_a_file_that_a_cell_fills_with_a_secret_is_not_committed(project, write, files):
    write("output/a.json", f'{{"token": "{VALUE}"}}')
    write("output/b.json", "{}")
    record = load(project.repository, cell(project, "output/a.json", "output/b.json").id).record
    assert [(file.path, file.held) for file in record.writes] == [
        ("output/a.json", False),
        ("output/b.json", True),
    ]
    assert "output/a.json" not in files()
    assert sweep(project) is None


def test_what_may_be_a_word_is_not_looked_for(project):
    finder = SecretFinder(project)
    assert finder.find_in(b"the password is not known") is None
    assert finder.find_in(VALUE.encode()) == "TOKEN"
