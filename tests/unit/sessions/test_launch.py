"""A session that runs already is returned when it answers, and replaced when it is about to be gone."""

import http.server
import threading
import time

import pytest

from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed
from trailmark.progress import NullProgress
from trailmark.projects.new import new_project
from trailmark.sessions import launch as launching
from trailmark.sessions import ready
from trailmark.sessions.launch import launch
from trailmark.sessions.notify import notify
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark_capture.journal import new_id

UV = Uv("no-uv", {})


class Started(Exception):
    """A new session is being started."""


class StopAtStart(NullProgress):
    """Ends a launch that goes on to start a session."""

    def step(self, message, fraction=None):
        raise Started


class Answering(http.server.BaseHTTPRequestHandler):
    """A server that answers those who have the token."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        self.send_response(200 if self.headers["Authorization"] == "token t" else 403)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def project(settings, monkeypatch):
    monkeypatch.setattr(launching, "ensure_recorder", lambda project: None)
    return new_project("work", settings)


@pytest.fixture
def server():
    """A server whose port is taken; it answers once `serve_forever` runs."""
    made = http.server.HTTPServer(("127.0.0.1", 0), Answering, bind_and_activate=False)
    made.server_bind()
    yield made
    made.server_close()


@pytest.fixture
def engine():
    return MemoryEngine(runs_anything=True)


def running(project, engine, port, token="t"):
    made = Session(
        new_id(), str(project.path), "jupyterlab", "memory", None, port, token, "python3", time.time()
    )
    folder_of(project.settings, made.id).mkdir(parents=True)
    write_session(project.settings, made)
    engine.submit(SessionSpec(made.id, ("jupyter",), {}, project.path))
    return made


def test_a_session_that_is_still_starting_is_waited_for(project, server, engine):
    session = running(project, engine, server.server_port)

    def open_late():
        time.sleep(0.3)
        server.server_activate()
        server.serve_forever()

    thread = threading.Thread(target=open_late, daemon=True)
    thread.start()
    assert launch(project, engine, UV, StopAtStart()) == session
    server.shutdown()
    thread.join()


def test_a_proxy_for_the_web_does_not_stand_between(project, server, engine, monkeypatch):
    session = running(project, engine, server.server_port)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.server_activate()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    assert launch(project, engine, UV, StopAtStart()) == session
    assert [told.id for told in notify(project, engine, "hello")] == [session.id]
    server.shutdown()
    thread.join()


def test_a_session_that_ends_meanwhile_is_started_anew(project, server, engine):
    session = running(project, engine, server.server_port)
    ending = threading.Timer(0.3, engine.end, (session.id, -9))
    ending.start()
    with pytest.raises(Started):
        launch(project, engine, UV, StopAtStart())
    ending.join()


def test_a_session_that_never_answers_is_left_alone_and_said(project, server, engine, monkeypatch):
    monkeypatch.setattr(ready, "READY_SECONDS", 0.3)
    session = running(project, engine, server.server_port)
    with pytest.raises(CommandFailed, match="`trailmark stop`, then `trailmark launch`"):
        launch(project, engine, UV, StopAtStart())
    assert engine.inspect(session.id).is_live
