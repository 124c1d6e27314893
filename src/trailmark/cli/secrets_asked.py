"""Asking for the values of secrets that a project names and this person has not given."""

import sys

import click

from trailmark.cli.invocation import Invocation
from trailmark.projects.project import Project
from trailmark.projects.secret_files import missing_secret_files
from trailmark.projects.secrets import missing_secrets, set_secret


def ask_for_secrets(invocation: Invocation, project: Project) -> None:
    """Ask on a terminal for each value that is missing, and keep it; elsewhere, say which are missing."""
    files = missing_secret_files(project)
    if files:
        click.echo(
            f"No file was given yet for: {', '.join(files)}. Programs run without. To give one: "
            f"`trailmark env secret {files[0]} --file FILE`.",
            err=True,
        )
    missing = missing_secrets(project)
    if not missing:
        return
    if invocation.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        click.echo(
            f"No value was given yet for: {', '.join(missing)}. Programs run without. To give one: "
            f"`trailmark env secret {missing[0]}`.",
            err=True,
        )
        return
    click.echo(
        "The project needs secrets. What you type is kept on this machine for you alone, never in the project; "
        "Enter leaves one out.",
        err=True,
    )
    for name in missing:
        value = click.prompt(name, default="", hide_input=True, show_default=False, err=True)
        if value:
            set_secret(project, name, value)
