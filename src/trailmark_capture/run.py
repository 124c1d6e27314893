"""Runs one command and writes into the journal what came of it: streams, exit code, resources and files.

Each stream of the command goes on to our own as it comes, and is a terminal where ours is one. What is typed
at the command goes to it and is not kept.

Standard library only; this runs in Trailmark's own process, not in a person's environment.
"""

import contextlib
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from trailmark_capture.config import Config
from trailmark_capture.files import tracing
from trailmark_capture.files.log import Files, accesses, classify
from trailmark_capture.journal import Writer, new_id
from trailmark_capture.redact import Redactor
from trailmark_capture.text import Kept

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_PIPE_SECONDS = 2.0
_CHUNK = 65536
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Ended(NamedTuple):
    """How a command ended: its exit code as a shell says it, and what it used."""

    code: int
    signal: Optional[int]
    resources: Optional[Dict[str, Any]]


def run_command(
    argv: Sequence[str],
    config: Config,
    writer: Writer,
    *,
    title: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[Path] = None,
) -> int:
    """Run a command to its end and journal it; return its exit code, 128 and the number for a signal.

    A command that cannot be started is journalled as an error, with 127 or 126 as shells have it.
    """
    redactor = Redactor(path=config.secrets)
    identity, started = new_id(), time.time()
    log = config.files / (identity + ".log")
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    traced = tracing(config, log, dict(env or os.environ))
    begin = {
        "type": "begin",
        "id": identity,
        "kind": "run",
        "started": started,
        "tool": config.tool,
        "session": config.session,
        "engine": config.engine,
        "environment": config.environment,
        "actor": config.actor,
        "source": _source(argv, config.project, cwd),
        "language": "shell",
        "code": shlex.join(argv),
        "title": title,
        "cwd": str(cwd) if cwd else None,
        "files_log": str(log),
        "pid": os.getpid(),
    }
    writer.append(redactor.entry(begin))
    streams = (_Stream(sys.stdout, "stdout", config), _Stream(sys.stderr, "stderr", config))
    ended, problem = _execute(argv, dict(env or os.environ, **traced.environment), cwd, streams)
    end = dict(begin, type="end", ended=time.time(), **_results(ended, problem, streams, traced.by))
    end.update(_files(log, config, started)._asdict())
    writer.append(redactor.entry(end))
    with contextlib.suppress(FileNotFoundError):
        log.unlink()
    return ended.code


class _Stream:
    """One of the command's streams: passed on to ours, and kept within the limit."""

    def __init__(self, ours: Any, name: str, config: Config) -> None:
        self.name = name
        self.kept = Kept(config.max_output_bytes)
        self._ours = ours.fileno()
        self._source = -1
        self.target = -1
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def open(self) -> None:
        """Make the end that the command writes to: a terminal where ours is one, else a pipe."""
        if os.isatty(self._ours):
            self._source, self.target = pty.openpty()
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetwinsize(self.target, termios.tcgetwinsize(self._ours))
            _do_not_translate(self.target)
        else:
            self._source, self.target = os.pipe()

    def start(self) -> None:
        """Pass on what comes, now that the command has the other end."""
        os.close(self.target)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the rest. A program that was left behind may hold the stream: then not for long."""
        self._thread.join(_PIPE_SECONDS)

    def _pump(self) -> None:
        while True:
            try:
                data = os.read(self._source, _CHUNK)
            except OSError:
                data = b""
            if not data:
                os.close(self._source)
                return
            self.kept.write(data)
            with contextlib.suppress(OSError):
                _write_all(self._ours, data)


def _execute(
    argv: Sequence[str], env: Mapping[str, str], cwd: Optional[Path], streams: Sequence[_Stream]
) -> Tuple[Ended, Optional[str]]:
    for stream in streams:
        stream.open()
    out, err = (stream.target for stream in streams)
    try:
        process = subprocess.Popen(list(argv), env=dict(env), cwd=cwd, stdout=out, stderr=err)
    except OSError as error:
        problem = "{}: {}".format(argv[0], error.strerror or error)
        os.write(err, (problem + "\n").encode())
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        return _finished(streams, Ended(code, None, None)), problem
    for stream in streams:
        stream.start()
    with _forwarding(process):
        ended = _wait(process)
    for stream in streams:
        stream.finish()
    return ended, None


def _finished(streams: Sequence[_Stream], ended: Ended) -> Ended:
    for stream in streams:
        stream.start()
    for stream in streams:
        stream.finish()
    return ended


def _wait(process: "subprocess.Popen[bytes]") -> Ended:
    while True:
        try:
            _, status, usage = os.wait4(process.pid, 0)
            break
        except InterruptedError:
            continue
    process.returncode = os.waitstatus_to_exitcode(status)
    by = -process.returncode if process.returncode < 0 else None
    unit = 1 if sys.platform == "darwin" else 1024
    resources = {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "max_rss_bytes": usage.ru_maxrss * unit,
    }
    return Ended(128 + by if by else process.returncode, by, resources)


@contextlib.contextmanager
def _forwarding(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Hand signals to the command instead of dying of them.

    Ctrl-C in a terminal reaches the command by itself: it is in the same group of processes.
    """

    def forward(number: int, _frame: object) -> None:
        if number != signal.SIGINT or not sys.stdin.isatty():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(number, signal.signal(number, forward)) for number in _FORWARDED]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _results(
    ended: Ended, problem: Optional[str], streams: Sequence[_Stream], files_by: str
) -> Dict[str, Any]:
    interrupted = ended.signal in (signal.SIGINT, signal.SIGTERM) or ended.code in (130, 143)
    error = None
    if problem is not None:
        error = {"name": "Not started", "value": problem, "traceback": ""}
    elif ended.code and not interrupted:
        error = {"name": "Exit code", "value": str(ended.code), "traceback": ""}
    return {
        "status": "interrupted" if interrupted else "error" if ended.code else "ok",
        "exit_code": ended.code,
        "resources": ended.resources,
        "error": error,
        "outputs": [
            stream.kept.output(stream.name, number)
            for number, stream in enumerate(streams)
            if stream.kept.size
        ],
        "files_by": files_by,
    }


def _files(log: Path, config: Config, since: float) -> Files:
    found, _ = accesses(log, 0, since, time.time())
    return classify(found, config.project, config.exclude)


def _source(argv: Sequence[str], project: Path, cwd: Optional[Path]) -> Optional[str]:
    """Return the project's file that the command runs: the first of its words that names one."""
    root = os.path.realpath(str(project))
    for word in argv[:6]:
        path = os.path.realpath(os.path.join(str(cwd or Path.cwd()), word))
        if path.startswith(root + os.sep) and os.path.isfile(path):
            return os.path.relpath(path, root).replace(os.sep, "/")
    return None


def _do_not_translate(terminal: int) -> None:
    """Leave line ends as the command writes them; our own terminal translates them."""
    attributes = termios.tcgetattr(terminal)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
