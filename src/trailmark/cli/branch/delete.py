"""`trailmark branch delete`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.verb import verb
from trailmark.projects.branches import delete_branch


@verb("delete")
@click.argument("name")
def command(invocation: Invocation, name: str) -> None:
    """End a branch that is not the current one. Its commits and records are kept, and it leaves the list.

    \b
    trailmark branch delete other-model
    """
    recorded = delete_branch(open_chosen(invocation), name, actor=invocation.actor)
    value = {"branch": name, "id": recorded.id, "commit": recorded.commit}
    show(invocation, value, lambda: f"Ended the branch {name}. Its records are kept.")
