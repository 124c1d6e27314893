import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from trailmark.errors import Cancelled, CommandFailed, InvalidInput, Unavailable
from trailmark.process import run, stream

PYTHON = sys.executable


def test_run_returns_the_code_and_both_streams(tmp_path: Path) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = run([PYTHON, "-c", script], cwd=tmp_path)
    assert (done.code, done.stdout, done.stderr, done.ok) == (3, "out\n", "err\n", False)


def test_run_sends_input_and_exactly_the_environment_given() -> None:
    script = (
        "import os, sys; print(sys.stdin.read() + os.environ.get('WORD', '-') + os.environ.get('HOME', '-'))"
    )
    assert run([PYTHON, "-c", script], env={"WORD": "ü"}, input="é").stdout == "éü-\n"


def test_run_replaces_bytes_that_are_no_text() -> None:
    assert run([PYTHON, "-c", "import os; os.write(1, b'a\\xffb')"]).stdout == "a\ufffdb"


def test_a_missing_program_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no-such-program"):
        run(["no-such-program"])


def test_a_file_that_is_no_program_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    with pytest.raises(Unavailable, match="cannot be run"):
        run([str(tmp_path / "plain")])


def test_a_missing_folder_is_named_rather_than_the_program(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a folder"):
        run([PYTHON, "-V"], cwd=tmp_path / "gone")


def test_arguments_that_no_program_can_take_are_refused() -> None:
    with pytest.raises(InvalidInput):
        run([PYTHON, "a\0b"])


def test_a_time_out_ends_the_program_and_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(note)!r}, 'w').write(str(child.pid)); print('began', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="no answer"):
        run([PYTHON, "-c", script], timeout=0.8)
    assert time.monotonic() - began < 10
    assert _gone(int(note.read_text()))


def test_require_carries_the_programs_own_words() -> None:
    with pytest.raises(CommandFailed, match="Could not count") as caught:
        run([PYTHON, "-c", "import sys; sys.exit('because')"]).require("Could not count.")
    assert caught.value.output == "because"
    assert caught.value.code == 1


def test_stream_hands_over_lines_as_they_come_from_both_streams() -> None:
    script = (
        "import os; os.write(1, b'one\\ntwo\\r'); os.write(2, b'three\\r\\n\\n');"
        "os.write(1, 'vi\u00e9r'.encode())"
    )
    lines: list[str] = []
    assert stream([PYTHON, "-c", script], on_line=lines.append) == 0
    assert lines == ["one", "two", "three", "viér"]


def test_stream_splits_a_line_that_never_ends() -> None:
    lines: list[str] = []
    stream([PYTHON, "-c", "print('x' * 300000, end='')"], on_line=lines.append)
    assert "".join(lines) == "x" * 300000
    assert max(map(len, lines)) < 200000


def test_stream_returns_the_code() -> None:
    assert stream([PYTHON, "-c", "raise SystemExit(7)"], on_line=lambda line: None) == 7


def test_cancel_ends_the_whole_group_soon(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    stop = threading.Event()
    script = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(note)!r}, 'w').write(str(child.pid)); print('ready', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(Cancelled):
        stream([PYTHON, "-c", script], on_line=lambda line: stop.set(), cancelled=stop.is_set)
    assert time.monotonic() - began < 5
    assert _gone(int(note.read_text()))


def test_cancel_ends_a_program_that_has_closed_its_output() -> None:
    began = time.monotonic()
    with pytest.raises(Cancelled):
        stream(
            [PYTHON, "-c", "import os, time; os.close(1); os.close(2); time.sleep(60)"],
            on_line=lambda line: None,
            cancelled=lambda: time.monotonic() - began > 0.5,
        )
    assert time.monotonic() - began < 5


def test_a_program_that_ignores_the_request_is_killed() -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); time.sleep(60)"
    )
    stop = threading.Event()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        stream([PYTHON, "-c", script], on_line=lambda line: stop.set(), cancelled=stop.is_set)
    assert time.monotonic() - began < 8


def test_a_child_left_behind_does_not_hold_the_stream_open() -> None:
    script = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'], start_new_session=True);"
        "print('done')"
    )
    began = time.monotonic()
    assert stream([PYTHON, "-c", script], on_line=lambda line: None) == 0
    assert time.monotonic() - began < 6


def test_an_error_in_the_listener_ends_the_program() -> None:
    seen: list[int] = []

    def listen(line: str) -> None:
        seen.append(int(line))
        raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener"):
        stream(
            [PYTHON, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"], on_line=listen
        )
    assert _gone(seen[0])


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
