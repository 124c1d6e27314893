"""Runs one command and writes into the journal what came of it: streams, exit code, resources and files.

Each stream of the command goes on to our own as it comes, and is a terminal where ours is one. What is typed
at the command goes to it and is not kept.

Standard library only, for Trailmark's own process.
"""

import contextlib
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any, Dict, Mapping, Optional, Sequence, Tuple, Union

from trailmark_capture import child
from trailmark_capture.child import Command, Ended, NotStarted
from trailmark_capture.config import Config
from trailmark_capture.files import Tracing, tracing
from trailmark_capture.files.inotify import Watcher
from trailmark_capture.files.inputs import Inputs
from trailmark_capture.files.log import Files, accesses, classify, combine
from trailmark_capture.journal import Entry, Writer, new_id
from trailmark_capture.r.environment import SUFFIX as R_SUFFIX
from trailmark_capture.r.environment import for_run
from trailmark_capture.r.expressions import contents, figures
from trailmark_capture.r.shown import numbered, pictures
from trailmark_capture.redact import Redactor
from trailmark_capture.shared import SharedFolder
from trailmark_capture.streams import Stream, fit

_STREAMS = ("stdout", "stderr")
_SCRIPT_WORDS = 8
_SCRIPTS = (
    *(
        ".py",
        ".ipynb",
        ".R",
        ".r",
        ".Rmd",
        ".qmd",
        ".jl",
        ".sh",
        ".bash",
        ".zsh",
        ".pl",
        ".rb",
        ".js",
        ".mjs",
    ),
    *(".ts", ".lua", ".m", ".do", ".sas", ".sql", ".awk", ".smk", ".nf"),
)


def run_command(
    argv: Sequence[str],
    config: Config,
    writer: Writer,
    *,
    title: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[Path] = None,
    stdin: Optional[Union[int, IO[bytes]]] = None,
    onto: Sequence[Optional[int]] = (1, 2),
) -> int:
    """Run a command to its end and journal it; return its exit code, 128 and the number for a signal.

    `onto` says to which descriptors of ours its output and its errors go on; None keeps one to the record.
    A command that cannot be started is journalled as an error, with 127 or 126 as shells have it. Raises
    OSError when the journal cannot be written: if that is so at the beginning, nothing has been started.
    """
    redactor = Redactor(path=config.secrets)
    environ = dict(os.environ if env is None else env)
    identity = new_id()
    log = config.files / (identity + ".log")
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    traced = tracing(config, log, environ)
    drawn = SharedFolder(config.shell).folder(identity + R_SUFFIX)
    environ.update(for_run(config.shell / drawn.name, environ), **traced.environment)
    descriptor = stdin.fileno() if stdin is not None and not isinstance(stdin, int) else stdin
    command = Command(list(argv), environ, cwd or Path.cwd(), descriptor)
    begin = _begin(identity, command, config, log, title)
    writer.append(redactor.entry(dict(begin, type="begin")))
    try:
        with child.holding_signals(), _Noted(log, config, traced, float(begin["started"])) as noted:
            ended, results = _execute(command, config, onto)
        end = dict(begin, type="end", ended=time.time(), **results, **noted.results())
        end["outputs"] += numbered(pictures(contents(drawn, figures(drawn))), len(end["outputs"]))
        writer.append(redactor.entry(end))
    finally:
        with contextlib.suppress(FileNotFoundError):
            log.unlink()
        SharedFolder(config.shell).remove_folder(drawn.name)
    return ended


def _begin(identity: str, command: Command, config: Config, log: Path, title: Optional[str]) -> Entry:
    return {
        "id": identity,
        "kind": "run",
        "started": time.time(),
        "tool": config.tool,
        "session": config.session,
        "engine": config.engine,
        "environment": config.environment,
        "actor": config.actor,
        "source": _source(command, config.project),
        "notebook": None,
        "cell": None,
        "language": "bash",
        "code": shlex.join(command.argv),
        "title": title,
        "cwd": str(command.cwd),
        "files_log": str(log),
        "pid": os.getpid(),
    }


def _execute(command: Command, config: Config, onto: Sequence[Optional[int]]) -> Tuple[int, Entry]:
    """Run the command; return its exit code and what the end of its entry says of it."""
    with contextlib.ExitStack() as opened:
        ours = [_ours(number, opened) for number in onto]
        return _pass_on(command, config, ours)


def _pass_on(command: Command, config: Config, ours: Sequence[int]) -> Tuple[int, Entry]:
    streams = [Stream(ours[at], name, config.max_output_bytes) for at, name in enumerate(_STREAMS)]
    out, err = (stream.target for stream in streams)

    def started() -> None:
        for stream in streams:
            stream.start()

    def resized() -> None:
        for stream in streams:
            stream.resize()

    try:
        ended = child.run(command, out, err, started=started, resized=resized)
        results = _results(ended)
    except NotStarted as problem:
        os.write(err, "trailmark: {}\n".format(problem).encode("utf-8", "backslashreplace"))
        started()
        ended = Ended(problem.code, None, False, {})
        results = dict(_results(ended), error=_error("Not started", str(problem)), resources=None)
    for stream in streams:
        stream.finish()
    fit(streams, config.max_output_bytes)
    shown = [stream for stream in streams if stream.kept.size]
    results["outputs"] = [stream.kept.output(stream.name, group) for group, stream in enumerate(shown)]
    return ended.code, results


def _ours(number: Optional[int], opened: contextlib.ExitStack) -> int:
    """Return a descriptor of our own to pass a stream on to; nowhere, when we were started without it."""
    with contextlib.suppress(OSError, AttributeError):
        (sys.stdout if number == 1 else sys.stderr).flush()
    if number is not None:
        with contextlib.suppress(OSError):
            os.fstat(number)
            return number
    nowhere = os.open(os.devnull, os.O_WRONLY)
    opened.callback(os.close, nowhere)
    return nowhere


def _results(ended: Ended) -> Entry:
    error = None
    if ended.signal is not None:
        error = _error("Signal", signal.Signals(ended.signal).name)
    elif ended.code:
        error = _error("Exit code", str(ended.code))
    return {
        "status": "interrupted" if ended.was_interrupted else "error" if ended.code else "ok",
        "exit_code": ended.code,
        "execution_count": None,
        "error": error,
        "resources": ended.resources,
        "notebook_outputs": None,
        "continues": None,
    }


def _error(name: str, value: str) -> Dict[str, str]:
    return {"name": name, "value": value, "traceback": ""}


class _Noted:
    """What is noted of the command's files while it runs. Where the shim can't be loaded, the system helps."""

    def __init__(self, log: Path, config: Config, traced: Tracing, since: float) -> None:
        self._log = log
        self._config = config
        self._by = traced.by
        self._since = since
        self._inputs = Inputs(log, config.project)
        self._watcher: Optional[Watcher] = None

    def __enter__(self) -> "_Noted":
        if self._by != "shim":
            watcher = Watcher(self._config.project)
            if watcher.start():
                self._watcher = watcher
                self._by += "+inotify"
        self._inputs.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._inputs.stop()

    def results(self) -> Entry:
        """Return what the end of the command's entry says of its files."""
        until = time.time()
        found, _ = accesses(self._log, 0, 0.0, float("inf"))
        files = classify(found, self._config.project, self._config.exclude)
        if self._watcher is not None:
            perhaps = self._watcher.accesses(self._since, until)
            self._watcher.close()
            files = combine(files, classify(perhaps, self._config.project, self._config.exclude))
        files = Files(self._inputs.add_digests(files.reads, found), files.writes, files.deletes)
        return dict(files._asdict(), files_by=self._by)


def _source(command: Command, project: Path) -> Optional[str]:
    """Return the project's file that the command runs: the first of its words that names a program or script."""
    root = os.path.realpath(str(project)) + os.sep
    for number, word in enumerate(command.argv[:_SCRIPT_WORDS]):
        path = os.path.realpath(os.path.join(str(command.cwd), word.replace("\0", "")))
        if path.startswith(root) and os.path.isfile(path) and (number == 0 or path.endswith(_SCRIPTS)):
            return path[len(root) :].replace(os.sep, "/")
    return None
