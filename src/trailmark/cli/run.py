"""`trailmark run`."""

import click

from trailmark.activity.query import Filter
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.log_data import listed
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.record_id import open_index
from trailmark.cli.verb import verb
from trailmark.sessions.run import run


@verb("run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@click.option("--title", help="What the record is called; the command itself when not given.")
@click.option("--engine", metavar="NAME", help="Where to run it, as `trailmark engines` lists them.")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def command(invocation: Invocation, title: str | None, engine: str | None, arguments: tuple[str, ...]) -> int:
    """Run a command in the project's environment and record it.

    Kept are what it printed, its exit code, time and memory, and the files that it read and wrote, also those of
    programs that it started. As with a launch, a project that starts from a base runs in a container where there is
    an engine for those. It runs in the folder you are in, or in the project's when you are elsewhere, and
    exits with the command's own code. With --json, what the command prints goes to standard error, and its record
    to standard output.

    \b
    trailmark run -- python code/fit.py --fast
    trailmark run --title "Nightly fit" -- make all
    trailmark run --engine docker -- python code/fit.py
    """
    project = open_chosen(invocation)
    here = invocation.folder.resolve()
    cwd = here if here.is_relative_to(project.path) else project.path
    onto = (2, 2) if invocation.json else (1, 2)
    services = invocation.services
    with TerminalProgress() as progress:
        ran = run(
            project,
            arguments,
            services.uv,
            progress,
            cwd=cwd,
            title=title,
            actor=invocation.actor,
            onto=onto,
            engine=services.engine_for(project, engine).containers,
            managers=services.managers,
        )
    if invocation.json:
        with open_index(project) as index:
            rows = index.page(Filter(kind="run", session=ran.session), limit=1)
            for value in listed(project, index, rows):
                show(invocation, value | {"exit_code": ran.code}, str)
    return ran.code
