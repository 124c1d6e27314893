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
@click.argument("words", nargs=-1, metavar="[ID] [TEXT]")
@click.option(
    "--about", metavar="ID", help="The record that the note is about; the same as ID before the TEXT."
)
def command(invocation: Invocation, words: tuple[str, ...], about: str | None) -> None:
    """Write a note into the trail: what you saw, meant or decided. Markdown is welcome.

    With an ID the note is about that record. Without TEXT, the note is read from standard input.

    \b
    trailmark note "The rise since 2005 is worth a second look."
    trailmark note 01M848Q3WP "The axis was wrong here."
    """
    if len(words) > 2 or (len(words) == 2 and about):
        raise click.UsageError("A note is one text: put it in quotes.")
    if len(words) == 2:
        about = words[0]
    project = open_chosen(invocation)
    text = words[-1] if words else _read()
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
