"""The recorder as an object: what it takes note of while it runs."""

import contextlib
import sqlite3
import threading
import time

import pytest

from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.sessions.recorder import Recorder
from trailmark_capture.journal import Writer, new_id


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def record_in_background(project):
    """Start a recorder on the project, and stop it when the test is over."""
    recorders, threads = [], []

    def run():
        recorder = Recorder(open_project(project.path, project.settings), lambda: True)
        recorders.append(recorder)
        recorder.run()

    def start():
        threads.append(threading.Thread(target=run))
        threads[0].start()

    yield start
    for recorder in recorders:
        recorder.stop()
    for thread in threads:
        thread.join(timeout=20)


def is_recorded(project, path, content, seconds=8.0):
    """Return whether git holds a file with this content before the time is over."""
    repository = project.repository
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        entry = repository.find_entry(repository.tree_of(repository.head()), path)
        if entry is not None and repository.blob(entry.oid) == content:
            return True
        time.sleep(0.05)
    return False


def test_what_goes_on_behind_a_link_does_not_hold_up_recording(project, record_in_background, tmp_path):
    outside, stopping = tmp_path / "outside", threading.Event()
    outside.mkdir()
    (project.path / "logs").symlink_to(outside)

    def write():
        number = 0
        while not stopping.wait(0.1):
            number += 1
            (outside / f"{number}.log").write_text("busy")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        record_in_background()
        time.sleep(1.0)
        (project.path / "code" / "a.py").write_text("1")
        assert is_recorded(project, "code/a.py", b"1")
    finally:
        stopping.set()
        writer.join()


@pytest.mark.parametrize("is_there", [True, False])
def test_recording_goes_on_while_the_manifest_is_broken(project, record_in_background, is_there):
    record_in_background()
    (project.path / "code" / "a.py").write_text("1")
    assert is_recorded(project, "code/a.py", b"1")
    if is_there:
        project.manifest_path.write_text("name = [oops")
    else:
        project.manifest_path.unlink()
    now = time.time()
    with contextlib.closing(Writer(project.state / "journal", "kernel")) as writer:
        (project.path / "output" / "x.csv").write_text("2")
        cell = {"type": "end", "id": new_id(), "kind": "cell", "started": now, "ended": now, "status": "ok"}
        writer.append({**cell, "code": "x = 1", "tool": "jupyterlab", "writes": [{"path": "output/x.csv"}]})
        assert is_recorded(project, "output/x.csv", b"2")
    (project.path / "code" / "a.py").write_text("3")
    assert is_recorded(project, "code/a.py", b"3")


def test_recording_does_not_wait_for_the_index(project, record_in_background):
    with contextlib.closing(sqlite3.connect(project.state / "index.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        record_in_background()
        (project.path / "code" / "a.py").write_text("1")
        assert is_recorded(project, "code/a.py", b"1", seconds=4.0)
