import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.journal import Entry
from trailmark_capture.shell.environment import SCRATCH_VARIABLE, SPOOL_VARIABLE, environment_for, rcfile
from trailmark_capture.shell.notes import Begin, End, Note, iter_notes

PATIENCE = 20.0


class Terminal:
    """A real bash in a terminal of its own."""

    def __init__(self, argv: list[str], environ: Mapping[str, str], cwd: Path) -> None:
        self.spool = Path(environ[SPOOL_VARIABLE])
        self.screen = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, dict(environ))

    def send(self, text: str) -> None:
        """Type something, without Enter."""
        os.write(self._fd, text.encode())

    def run(self, command: str) -> End:
        """Type a command and wait until it is over."""
        before = len(self.ended())
        self.send(command + "\n")
        self.wait(lambda: len(self.ended()) > before)
        return self.ended()[-1]

    def _notes(self) -> list[Note]:
        return [note for note, _ in iter_notes(self.spool.read_bytes() if self.spool.exists() else b"")]

    def ended(self) -> list[End]:
        """What the hook has noted as over."""
        return [note for note in self._notes() if isinstance(note, End)]

    def begun(self) -> list[str]:
        """The commands that the hook has noted as started."""
        return [note.text for note in self._notes() if isinstance(note, Begin)]

    def wait(self, until: Callable[[], bool]) -> None:
        """Read the screen until something is true."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, self.screen.decode(errors="replace")
            self._read(0.01)

    def wait_for(self, text: str) -> None:
        """Wait until something is on the screen."""
        self.wait(lambda: text.encode() in self.screen)

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

    def is_over(self) -> bool:
        """Whether bash has ended."""
        if self.pid > 0 and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = -1
        return self.pid < 0

    def kill(self) -> None:
        """End bash at once."""
        if self.pid > 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = -1

    def close(self) -> None:
        """End bash and give up its terminal."""
        self.kill()
        os.close(self._fd)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A session, with the shim where there is one."""
    shim = find_shim()
    project = tmp_path.resolve() / "project"
    project.mkdir()
    return Config(
        project=project,
        journal=tmp_path / "state/journal",
        files=tmp_path / "state/files",
        shell=tmp_path / "state/shell",
        session="S1",
        environment="lock",
        shim=Path(shim) if shim else None,
        exclude=("/usr", sys.prefix, sys.base_prefix),
        secrets=tmp_path / "secrets.json",
    )


Start = Callable[..., Terminal]


@pytest.fixture
def start(config: Config, tmp_path: Path) -> Iterator[Start]:
    """Start a terminal; `bashrc` is what the person has in theirs."""
    bash = shutil.which("bash")
    if bash is None or subprocess.run([bash, "-c", "((BASH_VERSINFO[0] >= 5))"], check=False).returncode:
        pytest.skip("not installed: bash 5")
    home = tmp_path / "home"
    home.mkdir()
    with contextlib.ExitStack() as stack:

        def begin(bashrc: str = "", *, under: Sequence[str] = (), **more: str) -> Terminal:
            (home / ".bashrc").write_text(f"PS1='ready> '\n{bashrc}\n")
            kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
            environ = {**kept, "HOME": str(home), "TERM": "xterm", **more}
            environ.update(environment_for(config, "test", environ))
            terminal = Terminal([*under, bash, "--rcfile", rcfile(config)], environ, config.project)
            stack.callback(terminal.close)
            stack.callback(Path(environ[SCRATCH_VARIABLE]).unlink, missing_ok=True)
            terminal.wait_for("ready> ")
            return terminal

        yield begin


def entries(config: Config) -> list[Entry]:
    """Return what is in the journal."""
    found = journal.segments(config.journal)
    return [entry for segment in found for entry, _ in journal.read(segment)]
