import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from trailmark.errors import InvalidInput, Unavailable
from trailmark.process import ProcessHandle, is_alive, run, spawn, start_mark, terminate

PYTHON = sys.executable


def _sleeper(tmp_path: Path, body: str = "pass") -> ProcessHandle:
    script = f"import signal, time; {body}; print('up', flush=True); time.sleep(60)"
    handle = spawn([PYTHON, "-c", script], log=tmp_path / "log")
    _wait(lambda: (tmp_path / "log").read_text() == "up\n")
    return handle


def _wait(true: object) -> None:
    deadline = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_spawned_program_has_a_session_of_its_own_no_input_and_a_log(tmp_path: Path) -> None:
    handle = spawn(
        [
            PYTHON,
            "-c",
            "import os, sys; print(os.getsid(0), repr(sys.stdin.read()), os.getcwd(), os.environ['A'])",
        ],
        log=tmp_path / "log",
        env={"A": "b"},
        cwd=tmp_path,
    )
    _wait(lambda: not is_alive(handle.pid, handle.started))
    assert (tmp_path / "log").read_text() == f"{handle.pid} '' {tmp_path} b\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_spawned_program_reads_the_input_that_it_is_given(tmp_path: Path) -> None:
    handle = spawn(
        [PYTHON, "-c", "import sys; print(len(sys.stdin.read()))"], log=tmp_path / "log", input=b"x" * 200000
    )
    _wait(lambda: not is_alive(handle.pid, handle.started))
    assert (tmp_path / "log").read_text() == "200000\n"


def test_a_spawned_program_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import os, signal, sys; from trailmark.process import spawn;"
        f"log = Path({str(tmp_path / 'log')!r});"
        "handle = spawn([sys.executable, '-c', 'import time; time.sleep(60)'], log=log);"
        "print(handle.pid, handle.started, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = run([PYTHON, "-c", script])
    assert done.code == -signal.SIGKILL
    pid, started = done.stdout.split()
    assert is_alive(int(pid), started)
    assert terminate(int(pid), started, 5)
    assert not is_alive(int(pid), started)


def test_another_process_with_the_same_number_is_not_taken_for_ours(tmp_path: Path) -> None:
    handle = _sleeper(tmp_path)
    try:
        assert is_alive(handle.pid, handle.started)
        assert not is_alive(handle.pid, "an-earlier-boot:1")
        assert not is_alive(handle.pid, "")
        assert terminate(handle.pid, "an-earlier-boot:1", 0.1)
        assert is_alive(handle.pid, handle.started)
    finally:
        assert terminate(handle.pid, handle.started, 5)


def test_a_zombie_counts_as_ended(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        _wait(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        assert start_mark(pid) is None
    finally:
        os.waitpid(pid, 0)
    assert start_mark(pid) is None


def test_terminate_kills_what_does_not_listen(tmp_path: Path) -> None:
    handle = _sleeper(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    began = time.monotonic()
    assert terminate(handle.pid, handle.started, 0.3)
    assert time.monotonic() - began < 30
    assert not is_alive(handle.pid, handle.started)
    _wait(lambda: not psutil.pid_exists(handle.pid))


def test_an_ended_program_leaves_no_zombie(tmp_path: Path) -> None:
    handle = spawn([PYTHON, "-c", "pass"], log=tmp_path / "log")
    _wait(lambda: not psutil.pid_exists(handle.pid))


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no-such-program"):
        spawn(["no-such-program"], log=tmp_path / "log")
    with pytest.raises(InvalidInput, match="not a folder"):
        spawn([PYTHON], log=tmp_path / "log", cwd=tmp_path / "gone")
