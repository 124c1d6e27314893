"""A tool is waited for as long as it is said to take, and only while somebody wants it."""

import http.server
import threading
import time

import pytest

from trailmark.engines import MemoryEngine, SessionSpec
from trailmark.errors import Cancelled, CommandFailed
from trailmark.progress import NullProgress
from trailmark.projects.apps import App
from trailmark.sessions.apps import tool_of
from trailmark.sessions.launch import start_at_a_free_port
from trailmark.sessions.session import Session
from trailmark_capture.journal import new_id
from trailmark_capture.loopback import free_port


class Unwanted(NullProgress):
    """Work that nobody wants any more."""

    cancelled = True


class Serving(MemoryEngine):
    """An engine whose sessions answer with `statuses`, the last of them for ever; with none they are silent."""

    def __init__(self, *statuses):
        super().__init__(runs_anything=True)
        self.left = list(statuses)
        self.asked = []
        self.servers = []

    def submit(self, spec):
        super().submit(spec)
        if self.left:
            self.serve(spec.port)

    def serve(self, port):
        engine = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                engine.asked.append((self.path, self.headers["Authorization"]))
                status = engine.left.pop(0) if len(engine.left) > 1 else engine.left[0]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answering)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        return server.server_port

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def serving():
    made = []

    def make(*statuses):
        made.append(Serving(*statuses))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def start(engine, tmp_path, *, health="", patience=None, progress=None, ports=None):
    """Start an app; return its session."""
    chosen = iter(ports or [])

    def order():
        session = Session(
            new_id(), "p", "app:api", "memory", None, next(chosen, None) or free_port(), "t", "", time.time()
        )
        return session, SessionSpec(session.id, ("serve",), {}, tmp_path, port=session.port)

    tool = tool_of(App("api", "custom", "api", ("serve", "{port}"), health, patience))
    return start_at_a_free_port(engine, tool, order, progress or NullProgress(), before=lambda: None)


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500, 503])
def test_an_app_that_names_no_path_is_up_when_it_answers_at_all(serving, tmp_path, status):
    engine = serving(502, 502, status)
    start(engine, tmp_path)
    assert engine.asked == [("/", "token t")] * 3


def test_an_app_that_names_a_path_is_up_when_that_answers_well(serving, tmp_path):
    engine = serving(404, 503, 204)
    start(engine, tmp_path, health="ready")
    assert [path for path, _ in engine.asked] == ["/ready"] * 3


def test_what_does_not_get_ready_in_time_says_what_was_asked_and_what_helps(serving, tmp_path):
    engine = serving(404)
    with pytest.raises(CommandFailed) as caught:
        start(engine, tmp_path, health="ready", patience=3)
    assert "/ready was asked for 3 seconds, and the last answer was 404" in str(caught.value)
    assert "`health`" in str(caught.value)
    assert "`patience`" in str(caught.value)
    assert len(engine.asked) < 20
    assert not engine.inspect(engine.submitted[0].id).is_live


def test_what_nobody_wants_any_more_is_ended(serving, tmp_path):
    engine = serving()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        start(engine, tmp_path, progress=Unwanted())
    assert time.monotonic() - began < 10
    assert not engine.inspect(engine.submitted[0].id).is_live


def test_where_a_port_was_taken_meanwhile_another_is_chosen(serving, tmp_path):
    other, engine = serving(200), serving(200)
    taken = other.serve(0)
    assert start(engine, tmp_path, ports=[taken]).port != taken
    assert other.asked == []


def test_where_a_port_is_taken_while_the_engine_starts_another_is_chosen(serving, tmp_path):
    class Late(Serving):
        """An engine before which somebody takes the first port."""

        def submit(self, spec):
            if not other.servers:
                other.serve(spec.port)
                raise CommandFailed("driver failed programming external connectivity")
            super().submit(spec)

    other, engine = serving(200), Late(200)
    assert start(engine, tmp_path).port == engine.submitted[0].port
    engine.close()


def test_where_every_port_is_taken_it_is_said(serving, tmp_path):
    other, engine = serving(200), serving(200)
    taken = other.serve(0)
    with pytest.raises(CommandFailed, match="other programs of this machine took"):
        start(engine, tmp_path, ports=[taken] * 3)
    assert engine.submitted == []
