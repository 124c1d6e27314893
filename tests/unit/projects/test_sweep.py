"""What was changed by hand becomes a record of its own."""

import hashlib
import json
import os

import pytest

from trailmark.activity import Action, Change, NewFile, record
from trailmark.git import Repository
from trailmark.projects.held_back import Notices
from trailmark.projects.sweep import sweep


@pytest.fixture
def limited(project):
    """The project with a limit of 1000 bytes to a file."""
    manifest = project.manifest_path.read_text()
    project.manifest_path.write_text(f"{manifest}\n[files]\nmax_bytes = 1000\n")
    sweep(project)
    return project


def notebook(*sources, answers=()):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "execution_count": None,
            "source": [source],
            "outputs": [{"name": "stdin", "output_type": "stream", "text": [answer]} for answer in answers],
        }
        for number, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_project_that_nobody_touched_has_nothing_to_sweep(project):
    assert sweep(project) is None


def test_what_changed_by_hand_is_one_record_with_digests(project, write, read, files):
    write("code/a.py", "a = 1\n")
    write("README.md", "# Other\n")
    (project.path / "input" / ".gitkeep").unlink()
    record = read(sweep(project, actor="program:make"))
    assert record.kind == "files"
    assert record.actor == "program:make"
    assert record.title == "Added code/a.py, saved README.md and deleted input/.gitkeep"
    assert {ref.path: ref.digest for ref in record.writes} == {
        "README.md": hashlib.sha256(b"# Other\n").hexdigest(),
        "code/a.py": hashlib.sha256(b"a = 1\n").hexdigest(),
    }
    assert record.deletes == ("input/.gitkeep",)
    assert files()["code/a.py"] == b"a = 1\n"
    assert "input/.gitkeep" not in files()
    assert sweep(project) is None


def test_a_rename_is_told_as_one(project, write, read):
    write("code/a.ipynb", notebook("x = 1"))
    sweep(project)
    (project.path / "code" / "a.ipynb").rename(project.path / "code" / "b.ipynb")
    write("code/b.ipynb", notebook("x = 1").replace("null", "3"))
    record = read(sweep(project))
    assert record.title == "Renamed code/a.ipynb to code/b.ipynb"
    assert record.detail["renamed"] == [{"from": "code/a.ipynb", "to": "code/b.ipynb"}]


def test_only_some_paths_are_swept_when_asked(project, write, files):
    write("code/a.py", "1")
    write("code/b.py", "1")
    sweep(project, paths=frozenset({"code/a.py"}))
    assert "code/a.py" in files()
    assert "code/b.py" not in files()


def test_what_running_actions_write_is_left_to_them(project, write, files):
    write("output/running.csv", "1")
    write("code/a.py", "1")
    sweep(project, find_busy=lambda: {"output/running.csv"})
    assert "code/a.py" in files()
    assert "output/running.csv" not in files()
    assert sweep(project, find_busy=lambda: {"output/running.csv"}) is None


def test_a_large_file_is_named_once_with_its_digest(limited, write, read, files):
    write("input/big.bin", b"0" * 2000)
    record = read(sweep(limited))
    digest = hashlib.sha256(b"0" * 2000).hexdigest()
    assert record.title == "Noticed input/big.bin (2.0 KB, too large for git)"
    assert record.detail["held_back"] == [
        {"path": "input/big.bin", "bytes": 2000, "digest": digest, "reason": "size"}
    ]
    (write_ref,) = record.writes
    assert (write_ref.path, write_ref.digest, write_ref.held) == ("input/big.bin", digest, False)
    assert "input/big.bin" not in files()
    assert sweep(limited) is None
    os.utime(limited.path / "input" / "big.bin", (1, 1))
    assert sweep(limited) is None
    write("input/big.bin", b"1" * 2000)
    assert read(sweep(limited)).title == "Noticed input/big.bin (2.0 KB, too large for git)"


def test_a_large_file_that_vanished_is_told_of_once(limited, write, read):
    write("input/big.bin", b"0" * 2000)
    sweep(limited)
    (limited.path / "input" / "big.bin").unlink()
    record = read(sweep(limited))
    assert (record.title, record.deletes) == ("Deleted input/big.bin", ("input/big.bin",))
    assert sweep(limited) is None


def test_a_file_that_grew_too_large_leaves_git_and_comes_back_when_it_shrinks(limited, write, read, files):
    write("input/data.csv", "1")
    sweep(limited)
    write("input/data.csv", b"0" * 2000)
    record = read(sweep(limited))
    assert record.deletes == ()
    assert [held["path"] for held in record.detail["held_back"]] == ["input/data.csv"]
    assert "input/data.csv" not in files()
    write("input/data.csv", "2")
    assert read(sweep(limited)).title == "Added input/data.csv"
    assert sweep(limited) is None


def test_a_large_file_that_another_record_told_of_is_not_told_again(limited, write, read):
    write("output/big.bin", b"0" * 2000)
    write("output/other.bin", b"0" * 2000)
    told = read(sweep(limited)).writes
    (limited.state / "held-back.json").unlink()
    Notices(limited).told(told[:1], ())
    assert [ref.path for ref in read(sweep(limited)).writes] == ["output/other.bin"]


def test_a_file_that_leaves_git_is_told_of_even_when_it_was_known(limited, write, read, files):
    write("input/data.csv", b"0" * 2000)
    sweep(limited)
    record(limited.trail, Action("cell", "wrote"), Change(put={"input/data.csv": NewFile(b"1")}))
    told = read(sweep(limited))
    assert told.title == "Noticed input/data.csv (2.0 KB, too large for git)"
    assert "input/data.csv" not in files()


def test_a_nested_repository_is_named_and_not_taken_in(project, write, read, files):
    Repository.init(project.path / "tools")
    write("tools/x.py", "1")
    record = read(sweep(project))
    assert record.title == "Noticed tools (a git repository of its own)"
    assert "tools/x.py" not in files()
    assert sweep(project) is None


def test_answers_to_input_never_reach_git(project, write, files):
    write("code/a.ipynb", notebook("name = input()", answers=["hunter2"]))
    sweep(project)
    assert b"hunter2" not in files()["code/a.ipynb"]
    assert b"hunter2" in (project.path / "code" / "a.ipynb").read_bytes()
    assert sweep(project) is None


def test_nothing_is_swept_during_a_persons_own_merge(project, write):
    write("code/a.py", "1")
    merge = project.repository.git_folder / "MERGE_HEAD"
    merge.write_text(f"{project.repository.head()}\n")
    assert sweep(project) is None
    merge.unlink()
    assert sweep(project) is not None


def test_a_name_that_cannot_be_written_down_is_reported(project, read):
    with open(os.path.join(os.fsencode(project.path), b"bad\xff"), "w") as stream:
        stream.write("x")
    assert read(sweep(project)).title == r"Noticed bad\xff (its name cannot be written down)"
    assert sweep(project) is None
