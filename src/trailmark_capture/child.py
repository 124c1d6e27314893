"""Starts a command and stays with it to its end: signals handed on, exit code and resource use taken.

Standard library only, for Trailmark's own process.
"""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import (
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Union,
)

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_HANDED_ON = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT))
_AWAITED = _HANDED_ON | {signal.SIGCHLD, signal.SIGWINCH}
_TURN_SECONDS = 0.1
_INTERRUPTING = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


class NotStarted(Exception):
    """The command could not be started; `code` is the exit code that a shell would give."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Command(NamedTuple):
    """What to start. `stdin` is a descriptor; None is our own."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stdin: Optional[int] = None


class Ended(NamedTuple):
    """How a command ended: its exit code as a shell says it, the signal that ended it, what it used."""

    code: int
    signal: Optional[int]
    was_interrupted: bool
    resources: Dict[str, Union[int, float]]


def run(
    command: Command, out: int, err: int, *, started: Callable[[], None], resized: Callable[[], None]
) -> Ended:
    """Run a command with two descriptors as its output; `started` is called when it has them.

    Within `holding_signals`, and before any other thread was started outside of it. Raises NotStarted.
    """
    process = _start(command, out, err)
    started()
    return _follow(process, resized)


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Let signals wait to be handed on to a command, instead of interrupting us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        yield
    finally:
        while signal.sigpending() & _AWAITED - before:
            signal.sigwait(_AWAITED - before)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(command: Command, out: int, err: int) -> "subprocess.Popen[bytes]":
    def spawn(argv: List[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            argv,
            env=dict(command.env),
            cwd=str(command.cwd),
            stdin=command.stdin,
            stdout=out,
            stderr=err,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED),
        )

    argv = list(command.argv)
    try:
        return spawn(argv)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise _not_started(command, error) from error
    # A script that does not name its interpreter: as any shell does.
    found = shutil.which(argv[0], path=command.env.get("PATH")) if os.sep not in argv[0] else argv[0]
    try:
        return spawn(["/bin/sh", found or argv[0], *argv[1:]])
    except OSError as error:
        raise _not_started(command, error) from error


def _not_started(command: Command, error: OSError) -> NotStarted:
    name = command.argv[0]
    if not command.cwd.is_dir():
        return NotStarted("{}: there is no such folder".format(command.cwd), NOT_EXECUTABLE)
    if not isinstance(error, FileNotFoundError):
        return NotStarted("{}: {}".format(name, (error.strerror or str(error)).lower()), NOT_EXECUTABLE)
    if os.sep in name and (command.cwd / name).exists():
        return NotStarted("{}: its interpreter was not found".format(name), NOT_FOUND)
    return NotStarted("{}: command not found".format(name), NOT_FOUND)


def _follow(process: "subprocess.Popen[bytes]", resized: Callable[[], None]) -> Ended:
    received: Set[int] = set()
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        arrived = _next_signal(_TURN_SECONDS)
        if arrived is None or arrived.number == signal.SIGCHLD:
            continue
        if arrived.number == signal.SIGWINCH:
            resized()
        received.add(arrived.number)
        if not arrived.reached_all:
            os.kill(process.pid, arrived.number)
    process.returncode = os.waitstatus_to_exitcode(status)
    number = -process.returncode if process.returncode < 0 else None
    code = process.returncode if number is None else 128 + number
    was_interrupted = number in _INTERRUPTING or code in (130, 143) or bool(received & _INTERRUPTING)
    return Ended(code, number, code != 0 and was_interrupted, _resources(usage))


def _resources(usage: resource.struct_rusage) -> Dict[str, Union[int, float]]:
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "max_rss_bytes": usage.ru_maxrss * unit,
    }


class _Arrived(NamedTuple):
    """A signal, and whether the command has got it too, being in the group of processes that was meant."""

    number: int
    reached_all: bool


def _next_signal(seconds: float) -> Optional[_Arrived]:
    """Return the signal that comes within a time, None when none does."""
    if hasattr(signal, "sigtimedwait"):
        info = signal.sigtimedwait(_AWAITED, seconds)
        # A positive code: from the system, that is from the terminal. A change of its size is of another terminal.
        return (
            _Arrived(info.si_signo, info.si_code > 0 and info.si_signo != signal.SIGWINCH) if info else None
        )
    pending = signal.sigpending() & _AWAITED
    if not pending:
        time.sleep(seconds)
        return None
    number = signal.sigwait(pending)
    return _Arrived(number, number == signal.SIGINT and os.isatty(0))
