"""Secrets do not get into git, whoever writes them into a file."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from trailmark.activity import load
from trailmark.errors import InvalidInput, Unavailable
from trailmark.projects.drain import Drain
from trailmark.projects.secrets import SecretFinder, known_secrets, secrets_path, set_secret
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


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe", b"[1]", b"[" * 100_000, b""])
def test_a_damaged_file_is_set_aside_and_named(project, damage):
    path = secrets_path(project)
    path.write_bytes(damage)
    assert known_secrets(project) == frozenset()
    told = set_secret(project, "NEW", "new-value-1")
    [aside] = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damage
    assert str(aside) in told
    assert json.loads(path.read_text()) == {"NEW": "new-value-1"}
    assert set_secret(project, "NEW", "new-value-2") is None


def test_a_file_that_cannot_be_read_is_left_as_it_is(project, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    before = secrets_path(project).read_bytes()
    monkeypatch.setattr(type(secrets_path(project)), "read_bytes", refuse)
    for work in (lambda: set_secret(project, "NEW", "x"), lambda: SecretFinder(project)):
        with pytest.raises(Unavailable, match="Nothing was changed"):
            work()
    monkeypatch.undo()
    assert secrets_path(project).read_bytes() == before


def test_many_keep_secrets_at_once(project):
    names = [f"S{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: set_secret(project, name, f"value of {name}"), names))
    assert set(names) < known_secrets(project)


@pytest.mark.parametrize("value", ["\ud800", "a\0b", "x" * 1_000_001])
def test_a_value_that_no_program_can_be_given_is_refused(project, value):
    before = secrets_path(project).read_bytes()
    with pytest.raises(InvalidInput, match="Nothing was kept"):
        set_secret(project, "ODD", value)
    assert secrets_path(project).read_bytes() == before


@pytest.mark.parametrize("name", ["my-key", "", "1st", "a b", "é", "x" * 101])
def test_a_name_that_no_variable_can_have_is_refused_with_its_line(project, name):
    text = project.manifest_text().replace(
        "[environment]", f"secrets = {json.dumps([name])}\n\n[environment]"
    )
    project.manifest_path.write_text(text)
    with pytest.raises(InvalidInput, match=r"cannot be the name of a secret.*in line \d"):
        project.manifest()
