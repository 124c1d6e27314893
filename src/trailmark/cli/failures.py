"""What a person is told when a command does not succeed, and the exit code that goes with it."""

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import click

from trailmark.cli.output import clean
from trailmark.errors import CommandFailed, TrailmarkError, refusal_of

REFUSED = 1
WRONG_USE = 2
STOPPED = 130


def report(error: BaseException, environ: Mapping[str, str]) -> int:
    """Tell a person on standard error what went wrong; return the exit code."""
    match error:
        case click.ClickException():
            error.show()
            return error.exit_code
        case click.Abort():
            click.echo("Stopped.", err=True)
            return STOPPED
        case TrailmarkError():
            _say(str(error))
            if isinstance(error, CommandFailed) and error.output.strip() not in str(error):
                click.echo(_indented(error.output), err=True)
            return REFUSED
    refusal = refusal_of(error) if isinstance(error, OSError) else None
    _say(str(refusal) if refusal is not None else _unforeseen(error, environ))
    return REFUSED


def _say(message: str) -> None:
    click.echo(click.style("Not done: ", fg="red", bold=True) + clean(message), err=True)


def _indented(output: str) -> str:
    return "\n".join(f"  {line}" for line in clean(output).strip().splitlines())


def _unforeseen(error: BaseException, environ: Mapping[str, str]) -> str:
    if environ.get("TRAILMARK_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    what = f"Trailmark itself failed ({type(error).__name__}). What was recorded before is intact."
    try:
        return f"{what} The details are in {_write_log(error, environ)}; please report them."
    except OSError:
        return f"{what} Set TRAILMARK_DEBUG=1 and try again to see the details."


def _write_log(error: BaseException, environ: Mapping[str, str]) -> Path:
    from trailmark import settings

    path = settings.home_of(environ) / "log" / "trailmark.log"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(time.strftime("\n%Y-%m-%d %H:%M:%S\n"))
        log.writelines(traceback.format_exception(error))
    return path
