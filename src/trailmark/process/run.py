"""Run a program to its end, with its output collected or handed over line by line."""

import codecs
import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trailmark.errors import Cancelled, CommandFailed, InvalidInput, Unavailable

_POLL_SECONDS = 0.1
_TERMINATE_SECONDS = 3.0
_DRAIN_SECONDS = 1.0
_LONGEST_LINE = 65536
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Completed:
    """What a program that has ended said, and the code that it ended with (negative: killed by a signal)."""

    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether the program says that it did its work."""
        return self.code == 0

    def require(self, message: str) -> "Completed":
        """Return itself, or raise CommandFailed with `message` and the program's own words."""
        if self.ok:
            return self
        said = (self.stderr.strip() or self.stdout.strip())[-_LONGEST_LINE:]
        raise CommandFailed(f"{message}\n{said}".rstrip(), output=said, code=self.code)


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a program and return what it said. A time-out kills it and all that it started in its group."""
    process = _start(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    sent = input.encode("utf-8", "surrogateescape") if input is not None else None
    try:
        stdout, stderr = process.communicate(sent, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _kill_group(process)
        said = _text(error.stderr or error.stdout or b"")
        raise CommandFailed(
            f"{argv[0]} had no answer after {timeout:g} seconds and was stopped.", output=said
        ) from error
    except BaseException:
        _kill_group(process)
        raise
    return Completed(process.returncode, _text(stdout), _text(stderr))


def stream(
    argv: Sequence[str],
    *,
    on_line: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> int:
    """Run a program, hand over each line of both its streams, and return its exit code.

    Blank lines are left out, and a carriage return ends a line. `keep` lists file descriptors that the
    program inherits. Raises Cancelled, with the program's whole
    group ended, soon after `cancelled` says so.
    """
    process = _start(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, keep=keep)
    try:
        for line in _lines(process, cancelled):
            on_line(line)
        while not cancelled():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_SECONDS)
        raise Cancelled(f"{Path(argv[0]).name} was stopped before it had finished, as asked.")
    finally:
        _end_group(process)
        if process.stdout:
            process.stdout.close()


def _start(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int,
    stderr: int,
    keep: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    if cwd is not None and not cwd.is_dir():
        raise InvalidInput(f"{cwd} is not a folder, so {argv[0]} cannot run in it.")
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            pass_fds=tuple(keep),
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"The program {argv[0]} is not on this machine; install it and try again."
        ) from error
    except OSError as error:
        raise Unavailable(f"The program {argv[0]} cannot be run here ({error.strerror}).") from error
    except ValueError as error:
        raise InvalidInput(f"{argv[0]} cannot be given these arguments ({error}).") from error


def _lines(process: "subprocess.Popen[bytes]", cancelled: Callable[[], bool]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    for chunk in _chunks(process, cancelled):
        *whole, held = _LINE_END.split(held + decoder.decode(chunk))
        yield from filter(None, whole)
        if len(held) > _LONGEST_LINE:
            yield held
            held = ""
    if held:
        yield held


def _chunks(process: "subprocess.Popen[bytes]", cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """Yield output until its end. A process left behind may hold the pipe: that one is waited for briefly."""
    assert process.stdout is not None
    ended_at: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not cancelled():
            if selector.select(_POLL_SECONDS):
                chunk = os.read(process.stdout.fileno(), _LONGEST_LINE)
                if not chunk:
                    return
                yield chunk
            elif process.poll() is not None:
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > _DRAIN_SECONDS:
                    return


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ask what still runs to end, and make it."""
    if process.poll() is not None:
        return
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(_TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        _kill_group(process)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    _signal_group(process, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        process.send_signal(number)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
