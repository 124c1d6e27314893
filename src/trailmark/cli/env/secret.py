"""`trailmark env secret`."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, table
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.projects.project import Project
from trailmark.projects.secret_files import SecretFile, keep_secret_file, name_secret_file, secret_files
from trailmark.projects.secrets import secret_values, set_secret


@verb("secret")
@click.argument("name", required=False)
@click.option("--forget", is_flag=True, help="Forget the value.")
@click.option("--file", type=click.Path(path_type=Path), help="Keep this file, not a value.")
@click.option(
    "--at", metavar="PLACE", help="Where a container has the file: /run/secrets/key.json, ~/.netrc."
)
def command(
    invocation: Invocation, name: str | None, forget: bool, file: Path | None, at: str | None
) -> None:
    """Keep the value of a secret that the code needs; without a name, list the project's secrets.

    The project names its secrets in trailmark.toml. The value is asked for, or read from standard input; it is
    kept for you alone, outside the project, reaches code as an environment variable, and is blacked out wherever
    it would be recorded. Of a secret file, the variable holds the place.

    \b
    trailmark env secret
    trailmark env secret ERA5_KEY
    trailmark env secret ERA5_KEY < key.txt
    trailmark env secret KAGGLE --file kaggle.json --at /run/secrets/kaggle.json
    """
    project = open_chosen(invocation)
    if at is not None and (name is None or forget):
        raise click.UsageError("--at says where the file of a secret belongs: name the secret.")
    if name is not None and at is not None:
        _check_name(name)
        name_secret_file(project, name, at, actor=invocation.actor)
    if name is not None:
        _keep(invocation, project, name, forget=forget, file=file, is_named=at is not None)
    known, files = secret_values(project), secret_files(project)
    value = {
        "secrets": [{"name": each, "known": each in known} for each in project.manifest().secrets],
        "files": [_file(one) for one in files],
    }
    show(invocation, value, lambda: _text(value))


def _file(file: SecretFile) -> dict[str, Any]:
    known = file.path is not None
    return {"name": file.name, "place": file.place, "known": known, "values": file.values}


def _keep(
    invocation: Invocation, project: Project, name: str, *, forget: bool, file: Path | None, is_named: bool
) -> None:
    told = None
    if file is not None:
        told = keep_secret_file(project, name, _read(invocation.folder / file.expanduser()))
    elif name in project.manifest().secret_files:
        if forget:
            told = keep_secret_file(project, name, None)
        elif not is_named:
            raise InvalidInput(
                f"{name} is a file: `trailmark env secret {name} --file FILE`. Nothing was kept."
            )
    else:
        _check(name, project)
        told = set_secret(project, name, None if forget else _ask(name))
    if told:
        click.echo(told, err=True)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name):
        raise InvalidInput(f"“{name}” cannot be the name of a secret: use letters, digits and “_”.")


def _check(name: str, project: Project) -> None:
    _check_name(name)
    if name not in project.manifest().secrets:
        raise InvalidInput(
            f"The project does not name a secret {name}. Nothing was kept. Name it in trailmark.toml first: "
            f'secrets = ["{name}"]'
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}). Nothing was kept.") from error


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=True, err=True))
    value = sys.stdin.read().rstrip("\n")
    if not value:
        raise InvalidInput(f"No value for {name} came on standard input. Nothing was changed.")
    return value


def _text(value: dict[str, Any]) -> str:
    rows = [(one["name"], "kept" if one["known"] else faint("missing"), "") for one in value["secrets"]]
    rows += [
        (one["name"], "kept" if one["known"] else faint("missing"), faint(_about(one)))
        for one in value["files"]
    ]
    return table(rows) or "This project names no secrets."


def _about(file: dict[str, Any]) -> str:
    """Return where a secret file belongs, and of one that is kept, how much of it is known as secret."""
    place = f"file, at {file['place']}"
    if not file["known"]:
        return place
    if not file["values"]:
        return f"{place}; nothing in it is known as secret, so nothing of it is blacked out"
    return f"{place}; {file['values']} of its values {'is' if file['values'] == 1 else 'are'} blacked out"
