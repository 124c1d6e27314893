"""`trailmark env secret`."""

import re
import sys

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, table
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.projects.project import Project
from trailmark.projects.secrets import secret_values, set_secret


@verb("secret")
@click.argument("name", required=False)
@click.option("--forget", is_flag=True, help="Forget the value.")
def command(invocation: Invocation, name: str | None, forget: bool) -> None:
    """Keep the value of a secret that the code needs; without a name, list the project's secrets.

    The project names its secrets in trailmark.toml. The value is asked for, or read from standard input; it is
    kept for you alone, outside the project, reaches code as an environment variable, and is blacked out wherever
    it would be recorded.

    \b
    trailmark env secret
    trailmark env secret ERA5_KEY
    trailmark env secret ERA5_KEY < key.txt
    """
    project = open_chosen(invocation)
    if name is not None:
        _check(name, project)
        set_secret(project, name, None if forget else _ask(name))
    known = secret_values(project)
    value = {"secrets": [{"name": each, "known": each in known} for each in project.manifest().secrets]}
    show(invocation, value, lambda: _text(project, known))


def _check(name: str, project: Project) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise InvalidInput(f"“{name}” cannot be the name of a secret: use letters, digits and “_”.")
    if name not in project.manifest().secrets:
        raise InvalidInput(
            f"The project does not name a secret {name}. Nothing was kept. Name it in trailmark.toml first: "
            f'secrets = ["{name}"]'
        )


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, err=True))
    value = sys.stdin.read().rstrip("\n")
    if not value:
        raise InvalidInput(f"No value for {name} came on standard input. Nothing was changed.")
    return value


def _text(project: Project, known: dict[str, str]) -> str:
    rows = [(name, "kept" if name in known else faint("missing")) for name in project.manifest().secrets]
    return table(rows) or "This project names no secrets."
