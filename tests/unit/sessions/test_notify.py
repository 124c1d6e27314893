"""What open sessions are told while their project changes under them."""

import http.server
import json
import threading
import time
from dataclasses import replace

import pytest

from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.environments.uv import Uv
from trailmark.projects.environment import LOCK_PATH
from trailmark.projects.new import new_project
from trailmark.sessions.notify import notify, with_open_sessions
from trailmark.sessions.session import Session, folder_of, iter_sessions, write_session
from trailmark_capture.journal import new_id

UV = Uv("no-uv", {})
SAVING_SECONDS = 0.3


class _Page(http.server.BaseHTTPRequestHandler):
    """A session that takes a while to save, and remembers what it was told and when it answered."""

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if told["save"]:
            time.sleep(SAVING_SECONDS)
        self.server.told.append((told, time.monotonic()))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def page():
    server = http.server.HTTPServer(("127.0.0.1", 0), _Page)
    server.told = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def engine(project, page):
    engine, port = MemoryEngine(runs_anything=True), page.server_port
    made = Session(
        new_id(), str(project.path), "jupyterlab", "memory", None, port, "t", "python3", time.time()
    )
    folder_of(project.settings, made.id).mkdir(parents=True)
    write_session(project.settings, made)
    engine.submit(SessionSpec(made.id, ("jupyter",), {}, project.path))
    return engine


def test_a_change_begins_as_soon_as_open_documents_are_saved(project, engine, page):
    begun, told = with_open_sessions(project, engine, UV, "It changed.", time.monotonic)
    (saving, saved), (notice, _) = page.told
    assert saving["save"]
    assert saved <= begun < saved + 0.8
    assert len(told) == 1
    assert (notice["message"], notice["reload"], notice["restart"]) == ("It changed.", True, True)


def test_a_change_that_leaves_no_environment_to_be_made_is_done_and_the_reason_told(project, engine, page):
    (project.path / "environment").mkdir()
    (project.path / LOCK_PATH).write_text('lock-version = "1.0"\ncreated-by = "test"\npackages = []\n')

    def change():
        project.manifest_path.write_text("name = [oops")
        return "done"

    assert with_open_sessions(project, engine, UV, "It changed.", change)[0] == "done"
    message = page.told[-1][0]["message"]
    assert message.startswith("It changed. Kernels keep the environment that they have: trailmark.toml")


def test_a_session_in_a_container_is_told_to_be_launched_again(project, engine, page):
    for session in iter_sessions(project.settings):
        write_session(project.settings, replace(session, engine="docker"))
    assert len(notify(project, engine, "Added six.", restart=True)) == 1
    notify(project, engine, "Gone back.", reload=True)
    told = [told for told, _ in page.told]
    assert [one["restart"] for one in told] == [False, False]
    assert "launch it again" in told[0]["message"]
    assert told[1]["message"] == "Gone back."
