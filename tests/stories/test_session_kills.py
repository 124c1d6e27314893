"""A real session whose recorder and whose JupyterLab are killed at any moment: nothing is lost, nothing twice."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress

import httpx
import psutil
import pytest
import websocket

from trailmark import wiring
from trailmark.activity.store import load, trailers_of
from trailmark.activity.verify import verify
from trailmark.progress import NullProgress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.sessions.launch import launch
from trailmark.sessions.notebook_run import request
from trailmark.sessions.stop import stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
RECORDER_KILLS = int(os.environ.get("TRAILMARK_KILL_POINTS", "20"))
SERVER_KILLS = max(2, RECORDER_KILLS // 10)
ACKNOWLEDGED_SECONDS = 1.0
PAUSE_SECONDS = 0.05


@pytest.fixture
def services(settings):
    return wiring.build(os.environ)


@pytest.fixture
def project(settings):
    return new_project("killed", settings)


class Typist(threading.Thread):
    """Runs cells that write a file each, one after the other, and notes when each was over."""

    def __init__(self, session, first: int) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.number = first
        self.over: dict[int, float] = {}
        self.stopping = threading.Event()
        headers = {"Authorization": f"token {session.token}"}
        kernel = httpx.post(
            f"{session.base_url}api/kernels", json={"name": session.kernel}, headers=headers, timeout=60
        )
        address = session.base_url.replace("http", "ws") + f"api/kernels/{kernel.json()['id']}/channels"
        self.channel = websocket.create_connection(
            address, header=[f"Authorization: token {session.token}"], timeout=60
        )

    def run(self) -> None:
        with suppress(OSError, websocket.WebSocketException, ValueError):
            while not self.stopping.is_set():
                self.number += 1
                code = f"# cell {self.number}\nopen('output/{self.number}.txt', 'w').write('{self.number}')"
                sent = request(code, f"c{self.number}")
                self.channel.send(json.dumps(sent))
                while not self.is_idle(json.loads(self.channel.recv()), sent):
                    pass
                self.over[self.number] = time.monotonic()
                time.sleep(PAUSE_SECONDS)

    @staticmethod
    def is_idle(message, sent) -> bool:
        return (
            message["msg_type"] == "status"
            and message["content"]["execution_state"] == "idle"
            and message["parent_header"].get("msg_id") == sent["header"]["msg_id"]
        )


def processes_of(home, word):
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if word in " ".join(process.cmdline()) and process.environ().get("TRAILMARK_HOME") == str(home):
                yield process


def records(project):
    """Return the number in each cell's code and the record that the branch holds of it."""
    repository = open_project(project.path, project.settings).repository
    found = []
    for commit in repository.iter_commits(repository.head()):
        facts = trailers_of(commit.message)
        if facts.get("kind") == "cell":
            stored = load(repository, facts["record"])
            found.append((int(stored.code.splitlines()[0].removeprefix("# cell ")), stored.record))
    return found


def check(project, acknowledged) -> None:
    found = records(project)
    assert not [number for number, times in Counter(number for number, _ in found).items() if times > 1]
    by_number = dict(found)
    assert not [number for number in acknowledged if number not in by_number], "acknowledged and lost"
    for number in acknowledged:
        assert by_number[number].status == "ok"
        assert [file.path for file in by_number[number].writes] == [f"output/{number}.txt"]
    assert verify(project.repository).problems == ()
    checked = subprocess.run(["git", "fsck", "--strict"], cwd=project.path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_killing_the_recorder_again_and_again(services, project, home):
    session = launch(project, services.engine, services.uv, NullProgress())
    typist = Typist(session, 0)
    typist.start()
    killed, chance = 0, random.Random(7)
    deadline = time.monotonic() + 20 + RECORDER_KILLS * 2
    while killed < RECORDER_KILLS and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.0, 0.5))
        for process in processes_of(home, "trailmark.cli.recorder"):
            process.send_signal(signal.SIGKILL)
            killed += 1
    typist.stopping.set()
    typist.join(30)
    stop(project, services.engine)
    assert killed >= RECORDER_KILLS // 2
    assert len(typist.over) > 20
    check(project, typist.over)


def test_killing_jupyterlab_in_the_middle(services, project, home):
    acknowledged: dict[int, float] = {}
    number, chance = 0, random.Random(11)
    for _ in range(SERVER_KILLS):
        session = launch(project, services.engine, services.uv, NullProgress())
        typist = Typist(session, number)
        typist.start()
        time.sleep(chance.uniform(1.5, 3.0))
        for process in processes_of(home, "trailmark_capture.jupyter"):
            process.send_signal(signal.SIGKILL)
        died = time.monotonic()
        typist.join(30)
        number = typist.number
        acknowledged |= {n: at for n, at in typist.over.items() if at < died - ACKNOWLEDGED_SECONDS}
    catch_up(project)
    assert acknowledged
    check(project, acknowledged)
