import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from trailmark.engines import Limits, LocalEngine, SessionSpec, SessionState
from trailmark.engines.marked import find_marked
from trailmark.process import start_mark

PYTHON = sys.executable
ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def engine(home: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(home, grace_seconds=2)
    yield engine
    for state in engine.list():
        engine.stop(state.id)


def _spec(tmp_path: Path, *argv: str, session_id: str = "a", **facts: object) -> SessionSpec:
    return SessionSpec(id=session_id, argv=argv, env=ENV, cwd=tmp_path, **facts)  # type: ignore[arg-type]


def _state(engine: LocalEngine) -> SessionState:
    state = engine.inspect("a")
    assert state is not None
    return state


def _until(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _running(engine: LocalEngine, home: Path) -> tuple[int, int]:
    """Wait until the session runs, and return the ids of its keeper and its program."""
    _until(lambda: _state(engine).status == "running")
    facts = json.loads((home / "sessions" / "a" / "process.json").read_text())
    return facts["keeper"], facts["pid"]


def _gone(pid: int) -> bool:
    return start_mark(pid) is None


def test_a_session_outlives_a_killed_client_and_is_known_to_the_next(
    engine: LocalEngine, home: Path, tmp_path: Path
) -> None:
    script = (
        "from trailmark.engines import LocalEngine, SessionSpec; from pathlib import Path; import os, signal;"
        f"LocalEngine(Path({str(home)!r})).submit(SessionSpec('a', ('sleep', '600'), {ENV!r}, Path('/')));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([PYTHON, "-c", script]).returncode == -signal.SIGKILL
    _, pid = _running(engine, home)
    assert psutil.pid_exists(pid)
    engine.stop("a")
    assert _gone(pid)
    assert _state(engine).exit_code == -signal.SIGTERM


def test_clients_killed_while_they_submit_leave_no_program_without_a_session(
    home: Path, tmp_path: Path
) -> None:
    script = (
        "from trailmark.engines import LocalEngine, SessionSpec; from pathlib import Path; import sys;"
        f"engine = LocalEngine(Path({str(home)!r})); print('ready', flush=True);"
        f"engine.submit(SessionSpec(sys.argv[1], ('sleep', '600'), {ENV!r}, Path('/')))"
    )
    engine = LocalEngine(home, grace_seconds=1)
    seen = set()
    for n in range(12):
        client = subprocess.Popen([PYTHON, "-c", script, f"s{n}"], stdout=subprocess.PIPE)
        assert client.stdout is not None
        client.stdout.readline()
        time.sleep(random.uniform(0, 0.02))
        client.kill()
        client.wait()
        client.stdout.close()
        _until(lambda n=n: (state := engine.inspect(f"s{n}")) is None or state.status != "starting")
        state = engine.inspect(f"s{n}")
        seen.add(state.status if state else "unknown")
        assert bool(find_marked(f"s{n}")) == (state is not None and state.status == "running")
        engine.stop(f"s{n}")
        assert not find_marked(f"s{n}")
    assert seen <= {"unknown", "failed", "running"}


def test_a_session_whose_keeper_was_killed_still_runs_and_can_be_stopped(
    engine: LocalEngine, home: Path, tmp_path: Path
) -> None:
    engine.submit(_spec(tmp_path, "sleep", "600"))
    keeper, pid = _running(engine, home)
    os.kill(keeper, signal.SIGKILL)
    _until(lambda: _gone(keeper))
    assert _state(engine).status == "running"
    engine.stop("a")
    assert _gone(pid)
    assert _state(engine).status == "stopped"


def test_a_session_lost_with_the_machine_ended_at_its_last_sign_of_life(
    engine: LocalEngine, home: Path, tmp_path: Path
) -> None:
    engine.submit(_spec(tmp_path, "sleep", "600"))
    keeper, pid = _running(engine, home)
    os.kill(keeper, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    _until(lambda: not find_marked("a"))
    folder = home / "sessions" / "a"
    started = json.loads((folder / "process.json").read_text())["started"]
    os.utime(folder / "keeper.lock", (started + 100, started + 100))
    os.utime(folder / "server.log", (started - 5, started - 5))
    state = _state(engine)
    assert state.status == "stopped"
    assert state.ended is not None
    assert started <= state.ended <= time.time()
    assert state == _state(LocalEngine(home))
    assert "last sign of life" in (state.reason or "")


def test_a_stranger_with_the_number_of_a_lost_session_is_left_alone(
    engine: LocalEngine, home: Path, tmp_path: Path
) -> None:
    engine.submit(_spec(tmp_path, "sleep", "600"))
    keeper, pid = _running(engine, home)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        facts = home / "sessions" / "a" / "process.json"
        facts.write_text(json.dumps({"keeper": stranger.pid, "pid": stranger.pid, "started": time.time()}))
        os.kill(keeper, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        _until(lambda: not find_marked("a"))
        engine.stop("a")
        assert _state(engine).status == "stopped"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_ends_all_that_was_started_but_what_took_the_mark_off(
    engine: LocalEngine, home: Path, tmp_path: Path
) -> None:
    script = (
        "import os, subprocess, time;"
        "run = lambda **env: subprocess.Popen(['sleep', '600'], start_new_session=True, **env).pid;"
        "clean = {k: v for k, v in os.environ.items() if k != 'TRAILMARK_SESSION'};"
        "print(run(), run(env=clean), flush=True); time.sleep(600)"
    )
    engine.submit(_spec(tmp_path, PYTHON, "-c", script))
    _until(lambda: engine.logs("a"))
    child, outliving = map(int, engine.logs("a").split())
    try:
        engine.stop("a")
        assert _gone(child)
        assert psutil.pid_exists(outliving)
    finally:
        os.kill(outliving, signal.SIGKILL)


def test_a_program_that_does_not_listen_is_killed(engine: LocalEngine, home: Path, tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(1, flush=True); time.sleep(600)"
    )
    engine.submit(_spec(tmp_path, PYTHON, "-c", script))
    _until(lambda: engine.logs("a"))
    engine.stop("a")
    state = _state(engine)
    assert (state.status, state.exit_code) == ("stopped", -signal.SIGKILL)


def test_a_program_can_end_in_its_own_way_when_asked(engine: LocalEngine, home: Path, tmp_path: Path) -> None:
    script = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: sys.exit(7));"
        "print('ready', flush=True); time.sleep(600)"
    )
    engine.submit(_spec(tmp_path, PYTHON, "-c", script))
    _until(lambda: engine.logs("a") == "ready")
    engine.stop("a")
    assert (_state(engine).status, _state(engine).exit_code) == ("stopped", 7)


def test_a_submission_that_was_interrupted_shows_as_failed(engine: LocalEngine, home: Path) -> None:
    folder = home / "sessions" / "a"
    folder.mkdir(parents=True)
    (folder / "keeper.lock").touch()
    asked = {"id": "a", "argv": ["sleep"], "cwd": "/", "labels": {}, "port": None, "submitted": 1000.0}
    (folder / "engine.json").write_text(json.dumps(asked))
    state = _state(engine)
    assert (state.status, state.ended) == ("failed", 1000.0)
    assert "interrupted" in (state.reason or "")


def test_submitting_at_once_starts_one_program(engine: LocalEngine, home: Path, tmp_path: Path) -> None:
    spec = _spec(tmp_path, "sh", "-c", "echo started; exec sleep 600")
    threads = [threading.Thread(target=LocalEngine(home).submit, args=(spec,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _running(engine, home)
    _until(lambda: engine.logs("a"))
    assert engine.logs("a") == "started"
    assert len(find_marked("a")) == 1


def test_nothing_of_the_environment_reaches_the_disk(engine: LocalEngine, home: Path, tmp_path: Path) -> None:
    secret = "s3cret-value-that-must-not-leak"
    engine.submit(SessionSpec("a", ("sleep", "600"), {**ENV, "TOKEN": secret}, tmp_path))
    keeper, pid = _running(engine, home)
    assert secret in psutil.Process(pid).environ().values()
    assert secret not in " ".join([*psutil.Process(pid).cmdline(), *psutil.Process(keeper).cmdline()])
    for path in home.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0 or path == home / "sessions"


def test_the_program_inherits_nothing_but_its_three_streams(engine: LocalEngine, tmp_path: Path) -> None:
    script = "import os; print(sorted(os.listdir('/proc/self/fd'))[:4], os.read(0, 10))"
    engine.submit(_spec(tmp_path, PYTHON, "-c", script))
    _until(lambda: not _state(engine).is_live)
    assert engine.logs("a") == "['0', '1', '2', '3'] b''"


def test_signals_reach_the_program_as_usual(engine: LocalEngine, tmp_path: Path) -> None:
    script = "import signal; print([signal.getsignal(n) is signal.SIG_DFL for n in (signal.SIGTERM, signal.SIGHUP)])"
    engine.submit(_spec(tmp_path, PYTHON, "-c", script))
    _until(lambda: not _state(engine).is_live)
    assert engine.logs("a") == "[True, True]"


def test_a_memory_limit_holds(engine: LocalEngine, tmp_path: Path) -> None:
    script = "data = bytearray(400_000_000); print('allocated')"
    limits = Limits(memory_bytes=200_000_000, cpus=1)
    engine.submit(_spec(tmp_path, PYTHON, "-c", script, limits=limits))
    _until(lambda: not _state(engine).is_live)
    assert _state(engine).status == "failed"
    assert "MemoryError" in engine.logs("a")


def test_a_damaged_state_file_is_an_unknown_session(engine: LocalEngine, home: Path) -> None:
    folder = home / "sessions" / "a"
    folder.mkdir(parents=True)
    (folder / "engine.json").write_bytes(b"\xff\x00 not json")
    (home / "sessions" / "not an id").mkdir()
    (home / "sessions" / "not an id" / "engine.json").write_text("{}")
    assert engine.inspect("a") is None
    assert engine.list() == []


def test_the_log_is_text_whatever_the_program_wrote(engine: LocalEngine, tmp_path: Path) -> None:
    engine.submit(_spec(tmp_path, "printf", "a\\377b\\nlast"))
    _until(lambda: not _state(engine).is_live)
    assert engine.logs("a") == "a\ufffdb\nlast"
