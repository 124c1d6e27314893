"""`trailmark note`."""

import sys

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.record_id import get_id, short
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.projects.note import add_note


@verb("note")
@click.argument("text", required=False)
@click.option("--about", metavar="ID", help="The record that the note is about.")
def command(invocation: Invocation, text: str | None, about: str | None) -> None:
    """Write a note into the trail: what you saw, meant or decided. Markdown is welcome.

    Without TEXT, the note is read from standard input.

    \b
    trailmark note "The rise since 2005 is worth a second look."
    trailmark note --about 01M848Q3WP "The axis was wrong here."
    """
    project = open_chosen(invocation)
    text = text if text is not None else _read()
    meant = get_id(project, about) if about else None
    recorded = add_note(project, text, about=meant, actor=invocation.actor)
    show(
        invocation,
        {"id": recorded.id, "commit": recorded.commit, "about": meant},
        lambda: f"Noted as {short(recorded.id)}.",
    )


def _read() -> str:
    if sys.stdin.isatty():
        raise InvalidInput('What is the note? Give it as trailmark note "TEXT", or on standard input.')
    return sys.stdin.read()
