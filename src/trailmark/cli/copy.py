"""`trailmark copy`."""

import click

from trailmark.cli.choose import open_chosen, project_and_name
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.projects.copy import copy_project


@verb("copy")
@click.argument("names", metavar="[PROJECT] NAME", nargs=-1, required=True)
def command(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Copy a project with its files, branches and whole trail. Secrets' values are not copied.

    \b
    trailmark copy weather weather-2
    trailmark -C weather copy weather-2
    """
    named, name = project_and_name(names)
    opened = open_chosen(invocation, named)
    with TerminalProgress() as progress:
        made = copy_project(opened, name, progress, actor=invocation.actor)
    value = {"project": made.name, "owner": made.owner, "path": str(made.path), "from": opened.name}
    show(invocation, value, lambda: f"{strong(made.name)} is ready in {made.path}")
