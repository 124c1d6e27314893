"""What containers promise beyond the contract of engines, on Docker and podman."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines import Limits, Mount, SessionSpec, SessionState
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.life import holding
from trailmark.errors import InvalidInput, NotFound, Unavailable

MEGABYTE = 1024**2
SECRET = "s3cr3t-value-42"


def wait(engine: DockerEngine, session_id: str, true: Callable[[SessionState], bool]) -> SessionState:
    deadline = time.monotonic() + 20
    while True:
        state = engine.inspect(session_id)
        assert state is not None
        if true(state):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.02)


class _Containers:
    @pytest.fixture
    def engine(self, tmp_path: Path, daemon: Daemon) -> Iterator[DockerEngine]:
        engine = DockerEngine(tmp_path / "home", daemon, grace_seconds=1)
        yield engine
        for state in engine.list():
            engine.stop(state.id)
            engine.forget(state.id)

    @pytest.fixture
    def spec(self, tmp_path: Path) -> Callable[..., SessionSpec]:
        def make(script: str, session_id: str = "a", **facts) -> SessionSpec:
            facts = {"env": {}, "cwd": Path("/"), "image": BASE, **facts}
            return SessionSpec(session_id, ("/bin/sh", "-c", script), **facts)

        return make

    def said(self, engine: DockerEngine, spec: SessionSpec) -> list[str]:
        engine.submit(spec)
        wait(engine, spec.id, lambda state: not state.is_live)
        return engine.logs(spec.id).splitlines()

    def test_a_published_port_answers_on_this_machine_alone(self, engine, spec, daemon):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        listen = engine.listen_address
        engine.submit(spec(f"cd /usr/share && exec python3 -m http.server --bind {listen} {port}", port=port))
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert time.monotonic() < deadline, engine.logs("a")
                time.sleep(0.05)
        for address in daemon.published_at:
            socket.create_connection((address, port), 2).close()
        own = [
            address for *_, (address, *_) in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        ]
        for address in {one for one in own if not one.startswith("127.")}:
            with (
                pytest.raises(OSError, match=r"refused|timed out"),
                socket.create_connection((address, port), 1),
            ):
                pass

    def test_the_environment_is_nowhere_to_be_read(self, engine, spec, daemon):
        given = spec("printenv KEY; sleep 600", env={"KEY": SECRET, "no name": SECRET})
        engine.submit(given)
        deadline = time.monotonic() + 20
        while engine.logs("a") != SECRET:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert SECRET not in json.dumps(daemon.api.inspect_container(engine._name("a")))
        assert SECRET not in repr(given)

    def test_nothing_can_be_done_but_what_was_given(self, engine, spec, tmp_path):
        for name in ("open", "closed", "open/.git"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(name)
        script = (
            "exec 2>&1; cat /given/file /looked/file; ls -A /given/.git; echo x > /given/new; echo x > /tmp/new;"
            "for place in /looked /given/.git /etc /usr; do ! echo x > $place/new; done 2>/dev/null && echo refused;"
            "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; id -u; ls /var/run/docker.sock"
        )
        mounts = (
            Mount(tmp_path / "open", Path("/given")),
            Mount(tmp_path / "closed", Path("/looked"), read_only=True),
            Mount(None, Path("/given/.git")),
        )
        said = self.said(engine, spec(script, mounts=mounts, cwd=Path("/given")))
        assert "open/.git" not in said
        assert said[0] == "openclosedrefused"
        assert sorted(said[1:4]) == [
            "CapBnd:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
        ]
        assert "No such file" in said[-1]
        assert (tmp_path / "open" / "new").read_text() == "x\n"
        assert not (tmp_path / "open" / ".git" / "new").exists()

    def test_limits_hold(self, engine, spec):
        ask = "python3 -c 'x = bytearray(300 * 1024 ** 2); print(len(x))'"
        script = f"exec 2>&1; df -k /dev/shm | awk 'END {{print $2}}'; {ask}"
        limits = Limits(memory_bytes=128 * MEGABYTE, cpus=1, shared_memory_bytes=32 * MEGABYTE)
        said = self.said(engine, spec(script, limits=limits))
        assert said[0] == str(32 * 1024)
        assert str(300 * MEGABYTE) not in said

    def test_it_is_told_how_large_the_machine_is(self, daemon):
        cpus, memory = daemon.machine
        assert cpus >= 1
        assert memory > 100 * MEGABYTE

    def test_it_goes_on_without_us_and_belongs_to_its_home(self, engine, spec, daemon, tmp_path):
        engine.submit(spec("sleep 600", labels={"project": "p"}))
        wait(engine, "a", lambda state: state.status == "running")
        later = DockerEngine(tmp_path / "home", Daemon(daemon.address, daemon.kind), grace_seconds=1)
        assert [state.id for state in later.list({"project": "p"})] == ["a"]
        stranger = DockerEngine(tmp_path / "other", daemon)
        assert stranger.list() == []
        assert stranger.inspect("a") is None
        later.stop("a")
        state = engine.inspect("a")
        assert state is not None
        assert state.status == "stopped"

    def test_all_that_it_started_ends_with_it(self, engine, spec, tmp_path):
        script = "trap '' TERM; (while :; do date +%s%N > /given/beat; sleep 0.05; done) & exec sleep 600"
        engine.submit(spec(script, mounts=(Mount(tmp_path, Path("/given")),)))
        beat = tmp_path / "beat"
        deadline = time.monotonic() + 20
        while not beat.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        engine.stop("a")
        last = beat.read_text()
        time.sleep(0.3)
        assert beat.read_text() == last

    def test_a_start_that_was_interrupted_is_repeated_at_once(self, engine, spec, tmp_path):
        given = spec("echo whole")
        with holding(tmp_path / "home" / "sessions" / "a" / "starting.lock") as is_ours:
            assert is_ours
            engine._create(given)
            assert wait(engine, "a", lambda state: True).status == "starting"
            engine.submit(given)
            assert wait(engine, "a", lambda state: True).status == "starting"
        state = engine.inspect("a")
        assert state is not None
        assert (state.status, state.reason) == ("failed", "The start was interrupted.")
        engine.stop("a")
        engine.submit(given)
        assert wait(engine, "a", lambda state: not state.is_live).status == "stopped"
        assert engine.logs("a") == "whole"

    def test_what_a_killed_client_left_half_way_is_replaced_within_seconds(
        self, engine, spec, daemon, tmp_path
    ):
        script = (
            "import os, sys; from pathlib import Path; from trailmark.engines import SessionSpec\n"
            "from trailmark.engines.daemon import Daemon; from trailmark.engines.docker import DockerEngine\n"
            "DockerEngine._start = lambda *_: os.kill(os.getpid(), 9)\n"
            "home, address, kind, image = sys.argv[1:]\n"
            "spec = SessionSpec('a', ('/bin/sh', '-c', 'echo whole'), {}, Path('/'), image=image)\n"
            "DockerEngine(Path(home), Daemon(address, kind)).submit(spec)"
        )
        argv = [sys.executable, "-c", script, str(tmp_path / "home"), daemon.address, daemon.kind, BASE]
        assert subprocess.run(argv).returncode == -9
        began = time.monotonic()
        state = engine.inspect("a")
        assert state is not None
        assert not state.is_live
        engine.submit(spec("echo whole"))
        assert wait(engine, "a", lambda state: not state.is_live).status == "stopped"
        assert time.monotonic() - began < 5
        assert engine.logs("a") == "whole"

    def test_two_may_forget_a_session_at_once(self, engine, spec):
        for number in range(3):
            engine.submit(spec("true", f"a{number}"))
            wait(engine, f"a{number}", lambda state: not state.is_live)
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(engine.forget, [f"a{number}"] * 4))
            assert engine.inspect(f"a{number}") is None

    def test_what_cannot_be_run_is_refused_and_leaves_nothing(self, engine, spec):
        with pytest.raises(InvalidInput):
            engine.submit(spec("true", image=None))
        with pytest.raises(NotFound):
            engine.submit(spec("true", image="trailmark/no-such-image"))
        with pytest.raises(NotFound):
            engine.submit(spec("true", mounts=(Mount(Path("/no/such/folder"), Path("/x")),)))
        assert engine.list() == []


class TestDockerContainers(_Containers):
    @pytest.fixture
    def daemon(self, docker: Daemon) -> Daemon:
        return docker

    @pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU")
    def test_a_gpu_that_there_is_not_is_named_with_what_to_do(self, engine, spec):
        with pytest.raises(Unavailable, match="trailmark env resources --no-gpu"):
            engine.submit(spec("true", limits=Limits(gpu=True)))
        assert engine.list() == []


class TestPodmanContainers(_Containers):
    @pytest.fixture
    def daemon(self, podman: Daemon) -> Daemon:
        return podman
