"""A shell for a terminal that is not Jupyter's: ``python -m trailmark_capture.gate.terminal``.

Starts an interactive bash in the project's environment with the hook that notes its commands, passes on what is
typed and shown, and keeps what each command has shown. The environment names the session's `capture.json`.
"""

import contextlib
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from pathlib import Path

from trailmark_capture.config import Config, ConfigError, load
from trailmark_capture.gate.shown import KeptScreens
from trailmark_capture.jupyter.environ import for_person
from trailmark_capture.jupyter.screens import Screen
from trailmark_capture.shell.environment import environment_for, rcfile

_CHUNK = 1 << 16


def main() -> int:
    """Run the shell to its end; return its exit code."""
    try:
        config = load()
    except ConfigError as error:
        print(f"{error} Nothing is recorded in this terminal.", file=sys.stderr)
        os.execvp("bash", ["bash"])
    environ = _prepared(config, os.environ)
    argv = ["bash", "--rcfile", rcfile(config)]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(argv[0], argv, environ)
    screen = Screen(KeptScreens(config.shell, config.max_output_bytes))
    with _raw(), _following_size(terminal):
        _pass_on(terminal, screen)
    screen.on_pty_died()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _prepared(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the shell: those of the environment that is in force now, which may have changed."""
    link = (config.path or Path()).parent / "environment"
    given = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    if link.exists():
        given = for_person(given, link.resolve() / "bin" / "python", Path(sys.prefix))
    return {**given, **environment_for(config, "terminal", given)}


def _pass_on(terminal: int, screen: Screen) -> None:
    """Pass bytes on between the two terminals until the shell has gone."""
    sources = [0, terminal]
    rest = b""
    while True:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            typed = _read(0)
            if typed:
                screen.typed(typed.decode("utf-8", "replace"))
                _write(terminal, typed)
            else:
                sources.remove(0)
        if terminal in ready:
            shown = _read(terminal)
            if not shown:
                return
            _write(1, shown)
            text, rest = _decoded(rest + shown)
            screen.on_pty_read(text)


def _decoded(data: bytes) -> tuple[str, bytes]:
    """Return the text in some bytes, and those at the end that begin a character."""
    for cut in range(min(4, len(data) + 1)):
        with contextlib.suppress(UnicodeDecodeError):
            return data[: len(data) - cut].decode("utf-8"), data[len(data) - cut :]
    return data.decode("utf-8", "replace"), b""


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Leave all keys to the shell behind."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _following_size(terminal: int) -> Iterator[None]:
    """Give the shell's terminal the size of ours, now and whenever that changes."""

    def follow(*_: object) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)

    before = signal.signal(signal.SIGWINCH, follow)
    follow()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


if __name__ == "__main__":
    sys.exit(main())
