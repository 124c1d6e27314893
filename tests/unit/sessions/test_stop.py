"""Stopping what runs, also beside sessions whose engine is gone."""

import json
import os
import subprocess
import sys
import time

import pytest

from trailmark.engines import LocalEngine, SessionSpec
from trailmark.engines.several import SeveralEngines
from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.projects.new import new_project
from trailmark.sessions.session import Session, folder_of, iter_sessions, write_session
from trailmark.sessions.stop import give_up, has_living, statuses, stop, stop_each
from trailmark_capture.journal import new_id


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def engines(settings):
    def find(kind):
        raise Unavailable(f"no {kind}")

    local = LocalEngine(settings.home, grace_seconds=1)
    yield SeveralEngines(settings.home, local, ("docker", "podman"), find)
    for state in local.list():
        local.stop(state.id)


@pytest.fixture
def session(project):
    def make(engine):
        made = Session(
            id=new_id(),
            project=str(project.path),
            tool="jupyterlab",
            engine=engine,
            environment=None,
            port=1,
            token="t",
            kernel="python3",
            started=time.time(),
        )
        folder = folder_of(project.settings, made.id)
        folder.mkdir(parents=True)
        write_session(project.settings, made)
        if engine != "local":
            (folder / "container.json").write_text(json.dumps({"kind": engine}))
        return made

    return make


def test_a_session_whose_engine_is_gone_keeps_neither_the_others_nor_the_recorder(project, engines, session):
    gone, here = session("podman"), session("local")
    engines.submit(SessionSpec(here.id, ("sleep", "600"), {"PATH": os.defpath}, project.path))
    found = {item.session.id: item for item in statuses(project.settings, engines, project)}
    assert (found[gone.id].status, found[gone.id].reason) == ("unknown", "no podman")
    assert has_living(project.settings, engines, project)
    done = stop_each(project, engines)
    assert [each.id for each in done.sessions] == [here.id]
    assert done.left == ((gone, "no podman"),)
    assert not has_living(project.settings, engines, project)
    with pytest.raises(Unavailable, match=f"no podman.*trailmark stop --forget {gone.id}"):
        stop(project, engines)


def test_a_session_whose_engine_is_gone_can_be_given_up(project, engines, session):
    gone, here = session("podman"), session("local")
    engines.submit(SessionSpec(here.id, ("sleep", "600"), {"PATH": os.defpath}, project.path))
    with pytest.raises(InvalidInput, match="can be ended"):
        give_up(project, engines, here.id)
    with pytest.raises(NotFound):
        give_up(project, engines, "nothing")
    assert give_up(project, engines, gone.id) == gone
    assert [each.id for each in iter_sessions(project.settings)] == [here.id]
    assert not folder_of(project.settings, gone.id).exists()


def test_the_command_tells_what_was_left_and_forgets_it(project, session):
    gone = session("podman")
    environ = {**os.environ, "DOCKER_HOST": "unix:///nowhere/podman.sock"}

    def trailmark(*words):
        argv = [sys.executable, "-m", "trailmark", *words]
        return subprocess.run(argv, cwd=project.path, env=environ, capture_output=True, text=True)

    done = trailmark("stop")
    assert (done.returncode, done.stdout.strip()) == (1, "")
    assert f"trailmark stop --forget {gone.id}" in done.stderr
    assert "No podman engine answers" in done.stderr
    assert trailmark("stop", "--forget").returncode != 0
    assert trailmark("stop", "--forget", gone.id).returncode == 0
    assert "No session was running" in trailmark("stop").stdout
