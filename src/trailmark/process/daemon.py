"""Start programs that outlive us, and recognise them later without mistaking a stranger for them."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from trailmark.errors import InvalidInput, Unavailable


@dataclass(frozen=True)
class ProcessHandle:
    """One run of one program: its process id, and a mark of its start that no later process shares."""

    pid: int
    started: str


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: bytes | None = None,
    keep: Sequence[int] = (),
) -> ProcessHandle:
    """Start a program that goes on when we end: a session of its own, output appended to `log`.

    Its standard input is `input` and then its end, or empty. `keep` lists file descriptors that it inherits.
    """
    if cwd is not None and not cwd.is_dir():
        raise InvalidInput(f"{cwd} is not a folder, so {argv[0]} cannot run in it.")
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=fd,
            stderr=fd,
            start_new_session=True,
            pass_fds=tuple(keep),
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"The program {argv[0]} is not on this machine; install it and try again."
        ) from error
    except OSError as error:
        raise Unavailable(f"The program {argv[0]} cannot be run here ({error.strerror}).") from error
    finally:
        os.close(fd)
    handle = ProcessHandle(process.pid, start_mark(process.pid) or "")
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(input or b"")
    # Somebody must collect the exit status, or the ended program stays a zombie for as long as we live.
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return handle


def start_mark(pid: int) -> str | None:
    """Return the mark of the process that has this id now, or None when there is none that still runs.

    The mark does not depend on the wall clock, which may be set while the process runs: on Linux it is the
    boot's id and the clock ticks since boot.
    """
    try:
        if sys.platform.startswith("linux"):
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            state, *fields = stat[stat.rindex(b")") + 2 :].split()
            return None if state in (b"Z", b"X") else f"{_boot()}:{int(fields[18])}"
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def is_alive(pid: int, started: str) -> bool:
    """Whether the very process that was started then still runs, whoever has its number now."""
    return bool(started) and start_mark(pid) == started


def terminate(pid: int, started: str, grace: float) -> bool:
    """Ask a process to end, kill it `grace` seconds later, and return whether it is gone."""
    try:
        process = psutil.Process(pid)
        if not is_alive(pid, started):
            return True
        process.terminate()
        if not _gone_within(process, started, grace):
            process.kill()
            return _gone_within(process, started, 5.0)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return True


def _gone_within(process: psutil.Process, started: str, seconds: float) -> bool:
    """Wait for a process that may not be our child, and whose parent may never collect its status."""
    end = threading.Event()
    waited = 0.0
    while is_alive(process.pid, started):
        if waited >= seconds:
            return False
        end.wait(0.02)
        waited += 0.02
    return True


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")[:12]
