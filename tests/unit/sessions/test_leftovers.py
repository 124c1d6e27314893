"""What dead sessions leave behind."""

import time

import pytest

from trailmark.activity import load
from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.sessions.leftovers import collect_leftovers
from trailmark.sessions.session import Session, folder_of, iter_sessions, write_session
from trailmark_capture.config import Config
from trailmark_capture.journal import new_id
from trailmark_capture.shell.spool import SUFFIX, create


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def session(project):
    made = Session(
        id=new_id(),
        project=str(project.path),
        tool="jupyterlab",
        engine="memory",
        environment=None,
        port=1,
        token="t",
        kernel="python3",
        started=time.time(),
    )
    folder_of(project.settings, made.id).mkdir(parents=True)
    write_session(project.settings, made)
    return made


def noted(tag, *fields):
    """Return a note as the shell's hook writes it."""
    return b"\0\0" + b"\0".join([tag.encode(), *(b"=" + field.encode() for field in fields), b"."]) + b"\0\0"


def sessions(project):
    return [item.id for item in iter_sessions(project.settings, project.path)]


def test_a_dead_session_is_forgotten_and_a_living_one_is_left(project, session):
    engine = MemoryEngine(runs_anything=True)
    engine.submit(SessionSpec(id=session.id, argv=("x",), env={}, cwd=project.path))
    collect_leftovers(project, engine)
    assert sessions(project) == [session.id]
    engine.stop(session.id)
    collect_leftovers(project, engine)
    assert sessions(project) == []


def test_commands_that_a_dead_shell_noted_are_recorded(project, session):
    state = project.state
    config = Config(
        project=project.path, journal=state / "journal", files=state / "files", shell=state / "shell"
    )
    spool = config.shell / f"gone{SUFFIX}"
    config.shell.mkdir(parents=True, exist_ok=True)
    create(config, spool, state / "files" / "shell.log", "none", config.shell / "gone.scratch")
    now = int(time.time() * 1e6)
    begin = (new_id(), str(now), str(project.path), "0", "ls -l")
    with spool.open("ab") as stream:
        stream.write(
            noted("H", "999999", "1", "gone", "5")
            + noted("B", *begin)
            + noted("E", *begin, str(now + 9), "0")
        )
    collect_leftovers(project, MemoryEngine())
    (recorded,) = catch_up(project)
    stored = load(project.repository, recorded.id)
    assert (stored.record.kind, stored.record.status, stored.code) == ("command", "ok", "ls -l")
    assert not list((state / "shell").glob("*.spool"))
