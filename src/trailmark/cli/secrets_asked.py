"""Asking for the secrets that a project names and this person has not given."""

import sys

import click

from trailmark.cli.invocation import Invocation
from trailmark.projects.project import Project
from trailmark.projects.secret_files import missing_secret_files
from trailmark.projects.secrets import missing_secrets, set_secret


def ask_for_secrets(invocation: Invocation, project: Project) -> None:
    """Ask on a terminal for each value that is missing, and keep it; elsewhere, say what is missing."""
    missing, files = missing_secrets(project), missing_secret_files(project)
    if files:
        _say(
            f"No file was given yet for: {', '.join(files)}.",
            f"`trailmark env secret {files[0]} --file FILE`",
        )
    if not missing:
        return
    if invocation.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        _say(f"No value was given yet for: {', '.join(missing)}.", f"`trailmark env secret {missing[0]}`")
        return
    click.echo(
        "The project needs secrets. What you type is kept on this machine for you alone, never in the project; "
        "Enter leaves one out.",
        err=True,
    )
    for name in missing:
        value = click.prompt(name, default="", hide_input=True, show_default=False, err=True)
        if value:
            told = set_secret(project, name, value)
            if told:
                click.echo(told, err=True)


def _say(what: str, how: str) -> None:
    click.echo(f"{what} Programs run without. To give one: {how}.", err=True)
