"""Progress on a terminal: one line that changes; elsewhere, a line for each stage. On standard error."""

import sys

import click

from trailmark.cli.output import one_line

_WIDTH = 100


class TerminalProgress:
    """Shows each stage of long work. It is never cancelled: Ctrl-C ends the command."""

    cancelled = False

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = ""

    def step(self, message: str, fraction: float | None = None) -> None:
        """Show how far the work is; elsewhere than on a terminal, only a new stage."""
        line = one_line(message, _WIDTH)
        if self._live:
            share = f"{fraction:4.0%} " if fraction is not None else ""
            click.echo(f"\r\x1b[K{share}{line}", nl=False, err=True)
        elif line != self._shown:
            click.echo(line, err=True)
        self._shown = line

    def log(self, line: str) -> None:
        """Leave the details out; the stages are enough here."""

    def close(self) -> None:
        """Clear the line, so that the result stands alone."""
        if self._live and self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
        self._shown = ""

    def __enter__(self) -> "TerminalProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
