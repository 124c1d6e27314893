"""`trailmark describe`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.verb import verb
from trailmark.projects.describe import describe


@verb("describe")
@click.argument("text")
def command(invocation: Invocation, text: str) -> None:
    """Say in a sentence what a project is about. It stands in trailmark.toml and on the project's card.

    \b
    trailmark describe "Rain in the alps, 1900 to today."
    """
    project = open_chosen(invocation)
    recorded = describe(project, text, actor=invocation.actor)
    value = {"project": project.name, "description": text, "id": recorded.id if recorded else None}
    show(invocation, value, lambda: "Described." if recorded else "It said that already.")
