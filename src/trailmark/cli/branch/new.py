"""`trailmark branch new`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.record_id import get_id
from trailmark.cli.verb import verb
from trailmark.projects.branches import new_branch


@verb("new")
@click.argument("name")
@click.option("--from", "start", metavar="ID", help="The record to begin at; without it, the present state.")
def command(invocation: Invocation, name: str, start: str | None) -> None:
    """Begin a branch here, or at a record. You stay where you are until `trailmark switch`.

    \b
    trailmark branch new other-model
    trailmark branch new other-model --from 01M848Q3WP
    """
    project = open_chosen(invocation)
    origin = get_id(project, start) if start else None
    recorded = new_branch(project, name, start=origin, actor=invocation.actor)
    value = {"branch": name, "id": recorded.id, "commit": recorded.commit, "from": origin}
    show(invocation, value, lambda: f"Began the branch {name}. Work on it: trailmark switch {name}")
