"""The uv program as this package calls it: which one, with what surroundings, and its lines as progress."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uv

from trailmark.errors import Unavailable
from trailmark.process import Completed, run, stream
from trailmark.progress import Progress

# What a shell or a project around us may have set, and would make uv do something else than it is told.
# Told of a terminal's width (COLUMNS), uv would break its lines, which we read and show in our own way.
_UNWANTED = (
    "VIRTUAL_ENV",
    "COLUMNS",
    "CONDA_PREFIX",
    "PYTHONHOME",
    "PYTHONPATH",
    "LD_PRELOAD",
    "UV_COMPILE_BYTECODE",
    "UV_CONSTRAINT",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_NO_VERIFY_HASHES",
    "UV_OVERRIDE",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_REQUIRE_HASHES",
    "UV_SYSTEM_PYTHON",
    "UV_VENV_CLEAR",
    "UV_VENV_SEED",
    "UV_WORKING_DIR",
)
_WANTED = {
    "NO_COLOR": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PREVIEW_FEATURES": "pylock",
    "UV_PYTHON_DOWNLOADS": "never",
}
# A folder whose files nobody but the machine's owner can have put there: uv reads settings from where it is.
_NEUTRAL = Path("/")
_KEPT_LINES = 400


@dataclass(frozen=True)
class Uv:
    """One uv program and the environment variables that it runs with (its index and cache are set there)."""

    program: str
    environ: Mapping[str, str] = field(repr=False)

    def run(
        self, args: Sequence[str], *, cwd: Path | None = None, input: str | None = None, timeout: float = 600
    ) -> Completed:
        """Run uv quietly and return what it said."""
        return run([self.program, *args], cwd=cwd or _NEUTRAL, env=self.environ, input=input, timeout=timeout)

    def follow(
        self, args: Sequence[str], progress: Progress, *, cwd: Path, keep: Sequence[int] = ()
    ) -> Completed:
        """Run uv with each of its lines told to `progress`. Raises Cancelled when progress says so.

        `keep` lists file descriptors that uv inherits.
        """
        lines: list[str] = []

        def listen(line: str) -> None:
            lines.append(line)
            del lines[:-_KEPT_LINES]
            progress.log(line)

        code = stream(
            [self.program, *args],
            on_line=listen,
            cancelled=lambda: progress.cancelled,
            cwd=cwd,
            env=self.environ,
            keep=keep,
        )
        return Completed(code, "", "\n".join(lines))


def find_uv(environ: Mapping[str, str] | None = None) -> Uv:
    """Return the uv that was installed with Trailmark. Raises Unavailable when it is not there."""
    try:
        program = uv.find_uv_bin()
    except FileNotFoundError as error:
        raise Unavailable("The program uv is missing; install Trailmark again (make setup).") from error
    around = os.environ if environ is None else environ
    kept = {name: value for name, value in around.items() if name not in _UNWANTED}
    return Uv(program, {**kept, **_WANTED})
