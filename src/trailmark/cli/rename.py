"""`trailmark rename`."""

import click

from trailmark.cli.choose import open_chosen, project_and_name
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.verb import verb
from trailmark.projects.rename import rename_project


@verb("rename")
@click.argument("names", metavar="[PROJECT] NAME", nargs=-1, required=True)
def command(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Give a project another name. Its folder moves along; stop its sessions first.

    \b
    trailmark rename weather rain
    trailmark -C weather rename rain
    """
    named, name = project_and_name(names)
    opened = open_chosen(invocation, named)
    before = opened.name
    renamed = rename_project(opened, name, actor=invocation.actor)
    value = {"project": renamed.name, "owner": renamed.owner, "path": str(renamed.path), "before": before}
    show(invocation, value, lambda: f"{before} is {strong(renamed.name)} now, in {renamed.path}")
