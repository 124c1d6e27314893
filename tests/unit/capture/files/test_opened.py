"""Files that a program has open for writing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trailmark_capture.files import LOG_VARIABLE
from trailmark_capture.files.log import Access
from trailmark_capture.files.opened import StillOpen, followed, open_for_writing

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells")


@pytest.fixture
def log(tmp_path):
    return tmp_path.resolve() / "files" / "kernel.log"


@pytest.fixture
def program(log, folder):
    """A program that is followed and does one line of Python at a time."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys\nfor line in sys.stdin: exec(line); print(flush=True)"],
        env={**os.environ, LOG_VARIABLE: str(log)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def do(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        process.stdout.readline()
        return process.pid

    yield do
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def wrote(folder, name, op="w"):
    return [Access(1.0, 1, op, str(folder / name))]


def test_only_what_may_still_be_written_is_open(program, log, folder):
    (folder / ".git").mkdir()
    (folder / "input.txt").write_text("x")
    pid = program("a = open('output.txt', 'w'); b = open('input.txt'); c = open('.git/index', 'w')")
    program("d = open('gone.txt', 'w'); import os; os.unlink('gone.txt')")
    assert followed(log.parent)[pid] == str(log)
    assert open_for_writing([pid], folder) == {"output.txt"}
    assert open_for_writing([pid], folder.parent) == {"work/output.txt"}
    assert open_for_writing([pid], folder / "wor") == frozenset()
    assert followed(log.parent.parent / "fil") == {}


def test_a_file_is_written_when_it_is_closed(program, log, folder):
    still = StillOpen(log, folder)
    program("f = open('a.txt', 'w'); f.write('half')")
    first = still.marked([{"path": "a.txt", "external": False}], wrote(folder, "a.txt"))
    assert first == [{"path": "a.txt", "external": False, "open": True}]
    assert still.marked([], []) == []
    program("f.flush()")
    assert still.marked([], []) == [{"path": "a.txt", "external": False, "open": True}]
    program("f.close()")
    assert still.marked([], []) == [{"path": "a.txt", "external": False}]
    assert still.marked([], []) == []
    assert not still


def test_what_was_opened_and_not_written_is_not_told_of(program, log, folder):
    (folder / "a.db").write_text("x")
    still = StillOpen(log, folder)
    program("f = open('a.db', 'r+')")
    assert still.marked([], wrote(folder, "a.db", "rw")) == []
    program("f.close()")
    assert still.marked([], []) == []


def test_a_program_that_was_started_keeps_a_file_open(program, log, folder):
    still = StillOpen(log, folder)
    program("import subprocess; p = subprocess.Popen(['cat'], stdin=-1, stdout=open('a.txt', 'w'))")
    assert still.marked([{"path": "a.txt"}], wrote(folder, "a.txt")) == [{"path": "a.txt", "open": True}]
    program("p.communicate(b'more')")
    assert still.marked([], []) == [{"path": "a.txt", "external": False}]
    assert (folder / "a.txt").read_text() == "more"


def test_a_file_that_was_removed_while_open_is_forgotten(program, log, folder):
    still = StillOpen(log, folder)
    program("f = open('a.txt', 'w')")
    still.marked([{"path": "a.txt"}], wrote(folder, "a.txt"))
    program("import os; os.unlink('a.txt')")
    assert still.marked([], wrote(folder, "a.txt", "d")) == []
    assert not still
