"""A command in a container whose client is interrupted, hung up or killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from tests.containers import BASE

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.environments.bases.catalogue import own_folder
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.resources import set_resources
from trailmark.sessions.session import iter_sessions
from trailmark.sessions.stop import statuses, stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
description = "A small Debian with Python."

[image]
local = "{BASE}"

[languages]
python = "3.11"
"""
SAYS = "trap 'echo got; exit 5' INT TERM HUP; echo begun; sleep 60 & wait"


@pytest.fixture
def services(settings, docker: Daemon):
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named("docker")
    for state in engine.chosen.list():
        engine.chosen.stop(state.id)
        engine.chosen.forget(state.id)


@pytest.fixture
def project(settings, services):
    project = new_project("ran", settings)
    text = project.manifest_path.read_text().replace("[environment]", '[environment]\nbase = "bookworm"')
    project.manifest_path.write_text(text)
    catch_up(project)
    return project


@pytest.fixture
def begun(project):
    """Return what starts a command in a container and returns once it has begun."""
    clients: list[subprocess.Popen[str]] = []

    def begin(script: str = SAYS) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-m", "trailmark", "run", "--engine", "docker", "--", "sh", "-c", script]
        client = subprocess.Popen(
            argv, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        clients.append(client)
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n", client.communicate()
        return client

    yield begin
    for client in clients:
        client.kill()
        client.communicate()


def test_a_project_that_asks_for_more_than_there_is_gets_what_there_is(begun, project):
    set_resources(project, cpus=4096.0, memory="4096 GB", shared_memory=None, gpu=False)
    out, err = begun("echo begun; nproc").communicate(timeout=60)
    assert out.strip().isdigit()
    assert "asks for 4096 processors; this machine has" in err
    assert "asks for 4096.0 GB of memory; this machine has" in err


def wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_command_that_is_asked_to_end_says_its_last_words_and_its_code(begun, project, services):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        client = begun()
        assert [item.session.title for item in statuses(project.settings, services.engine, project)] == [
            "A command"
        ]
        client.send_signal(number)
        out, err = client.communicate(timeout=30)
        assert (out, client.returncode) == ("got\n", 5), err
        assert statuses(project.settings, services.engine, project) == []
        assert services.engine_named("docker").chosen.list() == []
        assert list((project.settings.home / "sessions").iterdir()) == []


def test_a_command_whose_client_was_killed_is_seen_and_stopped(begun, project, services):
    client = begun()
    client.kill()
    client.wait()
    running = statuses(project.settings, services.engine, project)
    assert [item.status for item in running] == ["running"]
    assert [session.id for session in stop(project, services.engine)] == [running[0].session.id]
    assert statuses(project.settings, services.engine, project) == []
    assert services.engine_named("docker").chosen.list() == []
    assert list((project.settings.home / "sessions").iterdir()) == []


def test_another_stop_takes_no_code_from_a_command_that_ends(begun, project, services):
    client = begun()
    stop(project, services.engine)
    out, err = client.communicate(timeout=30)
    assert (out, client.returncode) == ("got\n", 5), err


def test_what_ended_unseen_is_forgotten_with_the_next_command(begun, project, services):
    client = begun("echo begun; sleep 1")
    client.kill()
    client.wait()
    (left,) = iter_sessions(project.settings, project.path)
    (project.settings.home / "sessions" / left.id / "session.json").unlink()
    engine = services.engine_named("docker").chosen
    wait(lambda: not engine.inspect(left.id).is_live)
    begun("echo begun").communicate(timeout=30)
    assert engine.list() == []
    assert list((project.settings.home / "sessions").iterdir()) == []
