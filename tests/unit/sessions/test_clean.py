"""What nothing uses goes, and nothing else: here, environments of this machine."""

import fcntl
import os
import time

import pytest

from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.progress import NullProgress
from trailmark.projects.environment import LOCK_PATH, current_lock
from trailmark.projects.new import new_project
from trailmark.projects.used import note_use, uses
from trailmark.sessions.clean import find_unused, remove_unused
from trailmark.sessions.session import Session, folder_of, write_session

DAY = 86400.0
OLD = 40 * DAY
LOCK = 'lock-version = "1.0"\ncreated-by = "test"\npackages = []\n'


@pytest.fixture
def engine():
    return MemoryEngine(runs_anything=True)


@pytest.fixture
def make(settings):
    """Make an environment of a digest, as old as is said."""

    def make(digest, age=OLD, *, whole=True, noted=None):
        folder = settings.home / "environments" / digest
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_bytes(b"x" * 50_000)
        moment = time.time() - age
        if whole:
            (folder / "trailmark.json").write_text("{}")
            os.utime(folder / "trailmark.json", (moment, moment))
        os.utime(folder, (moment, moment))
        if noted is not None:
            note_use(settings, digest)
            os.utime(settings.home / "used" / digest, (time.time() - noted,) * 2)
        return folder

    return make


def names(found):
    return {item.name for item in found.items}


def test_what_no_project_names_and_nothing_used_lately_goes(settings, engine, make):
    project = new_project("work", settings)
    project.path.joinpath(LOCK_PATH).parent.mkdir(exist_ok=True)
    project.path.joinpath(LOCK_PATH).write_text(LOCK)
    current = current_lock(project).pip.digest
    old = [make("a" * 64), make("b" * 64, noted=OLD)]
    kept = [make(current), make("c" * 64, age=DAY), make("d" * 64, noted=DAY)]
    found = find_unused(settings, engine, ())
    assert names(found) == {folder.name for folder in old}
    assert found.bytes >= 100_000
    assert names(find_unused(settings, engine, (), days=50)) == set()
    assert names(find_unused(settings, engine, (), days=0)) == {letter * 64 for letter in "abcd"}
    gone = remove_unused(settings, engine, (), found.items, NullProgress())
    assert {item.name for item in gone} == names(found)
    assert not any(folder.exists() for folder in old)
    assert all((folder / "bin" / "python").exists() for folder in kept)
    assert uses(settings).keys() == {"d" * 64}
    assert find_unused(settings, engine, ()).items == ()


def test_what_a_session_runs_in_stays(settings, engine, make):
    project = new_project("work", settings)
    folder = make("a" * 64)
    session = Session("01S", str(project.path), "jupyterlab", "memory", "w" * 64, 9, "t", "", time.time())
    folder_of(settings, session.id).mkdir(parents=True)
    write_session(settings, session)
    (folder_of(settings, session.id) / "environment").symlink_to(folder)
    engine.submit(SessionSpec(session.id, ("jupyter",), {}, project.path))
    assert names(find_unused(settings, engine, ())) == set()
    engine.stop(session.id)
    assert names(find_unused(settings, engine, ())) == {folder.name}


def test_what_was_left_half_made_goes_soon_and_what_is_being_made_stays(settings, engine, make):
    half, making = make("a" * 64, age=2 * 3600, whole=False), make("b" * 64, age=2 * 3600, whole=False)
    make("c" * 64, age=60, whole=False)
    found = find_unused(settings, engine, ())
    assert names(found) == {half.name, making.name}
    with making.with_name(f".{making.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        gone = remove_unused(settings, engine, (), found.items, NullProgress())
    assert [item.name for item in gone] == [half.name]
    assert making.exists()


def test_what_came_into_use_after_it_was_shown_stays(settings, engine, make):
    folder = make("a" * 64)
    found = find_unused(settings, engine, ())
    note_use(settings, folder.name)
    assert remove_unused(settings, engine, (), found.items, NullProgress()) == []
    assert folder.exists()
