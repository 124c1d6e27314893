"""R as a person meets it: in a terminal of its own, with capture and without."""

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.journal import Entry
from trailmark_capture.r.environment import environment_for, find_console
from trailmark_capture.shell.spool import SpoolReader

PATIENCE = 30.0
SECRET = "s3cr3t-value-42"
R = ("R", "--quiet", "--no-save", "--no-restore")


class Console:
    """An R, or a program that embeds it, at a terminal."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        self.screen = b""
        self._seen = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], list(argv), dict(environ))
        self.code: int | None = None
        self.wait_for("> ")

    def send(self, text: str) -> None:
        """Type something, without Enter."""
        os.write(self._fd, text.encode())

    def run(self, *lines: str) -> None:
        """Type lines, one after the other, each when R asks for it."""
        for line in lines:
            self.send(line + "\n")
            self.wait_for("> ", "+ ")

    def wait_for(self, *texts: str) -> None:
        """Wait until what is new on the screen ends with one of some texts."""
        deadline = time.monotonic() + PATIENCE
        while not self.screen[self._seen :].endswith(tuple(text.encode() for text in texts)):
            assert time.monotonic() < deadline, self.screen.decode(errors="replace")
            self._read(0.01)
        self._seen = len(self.screen)

    def leave(self, line: str = "q()") -> int:
        """Type a last line and return the exit code."""
        self.send(line + "\n")
        deadline = time.monotonic() + PATIENCE
        while self.code is None:
            assert time.monotonic() < deadline, self.screen.decode(errors="replace")
            self._read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.send("\x03")

    def kill(self) -> None:
        """End the process at once."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        """End the process and give up its terminal."""
        self.kill()
        os.close(self._fd)

    def look(self) -> None:
        """Read what is on the screen now."""
        self._read(0.01)

    def _read(self, seconds: float) -> None:
        while select.select([self._fd], [], [], seconds)[0]:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.screen += data
            seconds = 0


class Desk:
    """A project with a journal, in which R is started."""

    def __init__(self, config: Config, environ: Mapping[str, str], stack: contextlib.ExitStack) -> None:
        self.config = config
        self.environ = dict(environ)
        self.project = config.project
        self._stack = stack

    def start(self, *argv: str, **more: str) -> Console:
        """Start an R whose expressions are noted."""
        prepared = environment_for(self.config, "r", {**self.environ, **more})
        return self.plain(*argv, **{**more, **prepared})

    def plain(self, *argv: str, **more: str) -> Console:
        """Start an R of which nothing is noted, with some more variables."""
        console = Console(argv or R, {**self.environ, **more}, self.project)
        self._stack.callback(console.close)
        return console

    def drain(self) -> int:
        """Journal what is new."""
        reader = SpoolReader(self.config)
        try:
            return reader.drain()
        finally:
            reader.close()

    def entries(self) -> list[Entry]:
        """Return what is in the journal."""
        found = journal.segments(self.config.journal)
        return [entry for segment in found for entry, _ in journal.read(segment)]

    def ended(self) -> list[Entry]:
        """Journal what is new; return all that has ended, in order."""
        self.drain()
        return [entry for entry in self.entries() if entry["type"] == "end"]


def text(entry: Entry, name: str = "stdout") -> str:
    """Return what an entry shows on a stream."""
    return "".join(output["text"] for output in entry["outputs"] if output["name"] == name)


def figures(entry: Entry) -> int:
    """Return how many figures an entry shows."""
    return sum(output["mime"] == "image/png" for output in entry["outputs"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk at which R is found with its console library."""
    if find_console() is None:
        reason = "the console library was not built: there is no C compiler, or this is no Linux"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder = tmp_path.resolve()
    for name in ("project", "home"):
        (folder / name).mkdir()
    (folder / "secrets.json").write_text(json.dumps({"API_KEY": SECRET}), encoding="utf-8")
    shim = find_shim()
    config = Config(
        project=folder / "project",
        journal=folder / "state/journal",
        files=folder / "state/files",
        shell=folder / "state/shell",
        session="S1",
        tool="rstudio",
        environment="lock",
        shim=Path(shim) if shim else None,
        exclude=("/usr", sys.prefix, sys.base_prefix),
        secrets=folder / "secrets.json",
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "COLUMNS": "120",
    }
    with contextlib.ExitStack() as stack:
        yield Desk(config, environ, stack)


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that embeds R as RStudio's rsession does, compiled from tests/samples/r/embed.c."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("not installed: gcc")
    program = tmp_path_factory.mktemp("embed") / "embed"
    source = Path(__file__).parents[3] / "samples/r/embed.c"
    home = subprocess.run(["R", "RHOME"], capture_output=True, text=True, check=True).stdout.strip()
    library = Path(home) / "lib"
    subprocess.run(
        [compiler, "-o", program, source, f"-L{library}", "-lR", f"-Wl,-rpath,{library}"], check=True
    )
    return str(program)
