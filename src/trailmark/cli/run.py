"""`trailmark run`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.sessions.run import run


@verb("run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@click.option("--title", help="What the record is called; the command itself when not given.")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def command(invocation: Invocation, title: str | None, arguments: tuple[str, ...]) -> int:
    """Run a command in the project's environment and record it.

    Kept are what it printed, its exit code, time and memory, and the files that it read and wrote, also those of
    programs that it started. It runs in the folder you are in, or in the project's when you are elsewhere, and
    exits with the command's own code.

    \b
    trailmark run -- python code/fit.py --fast
    trailmark run --title "Nightly fit" -- make all
    """
    project = open_chosen(invocation)
    here = invocation.folder.resolve()
    cwd = here if here.is_relative_to(project.path) else project.path
    with TerminalProgress() as progress:
        return run(
            project, arguments, invocation.services.uv, progress, cwd=cwd, title=title, actor=invocation.actor
        )
