"""`trailmark delete`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import confirm, faint, moment, show, strong, table
from trailmark.cli.verb import verb
from trailmark.projects.delete import Trashed, delete_project, empty_trash, list_trash, restore_project


@verb("delete")
@click.argument("named", metavar="[PROJECT]", required=False)
@click.option("--trash", is_flag=True, help="List what is in the trash.")
@click.option("--restore", metavar="ID", help="Put a project from the trash back.")
@click.option("--as", "name", metavar="NAME", help="With --restore: under another name.")
@click.option("--empty", is_flag=True, help="Destroy everything in the trash, for good.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(
    invocation: Invocation,
    named: str | None,
    trash: bool,
    restore: str | None,
    name: str | None,
    empty: bool,
    yes: bool,
) -> None:
    """Move a project to the trash, after asking; look into the trash, put back from it, or empty it.

    A project in the trash is whole, with its trail, until the trash is emptied.

    \b
    trailmark delete weather
    trailmark delete --trash
    trailmark delete --restore 01M848Q3WP
    trailmark delete --empty
    """
    if sum((named is not None, trash, restore is not None, empty)) > 1:
        raise click.UsageError("Give a project, --trash, --restore or --empty, and only one of them.")
    if trash:
        _list(invocation)
    elif restore is not None:
        _restore(invocation, restore, name)
    elif empty:
        _empty(invocation, yes)
    else:
        _delete(invocation, named, yes)


def _delete(invocation: Invocation, named: str | None, yes: bool) -> None:
    project = open_chosen(invocation, named)
    confirm(f"Move {project.name} ({project.path}) to the trash?", yes=yes)
    trashed = delete_project(project)
    show(
        invocation,
        asdict(trashed),
        lambda: f"{trashed.name} is in the trash. Put it back: trailmark delete --restore {trashed.id}",
    )


def _list(invocation: Invocation) -> None:
    found = list_trash(invocation.services.settings)
    show(invocation, [asdict(each) for each in found], lambda: _text(found))


def _text(found: Sequence[Trashed]) -> str:
    rows = [(each.id, strong(each.name), moment(each.deleted), faint(each.path)) for each in found]
    return table(rows) or "The trash is empty."


def _restore(invocation: Invocation, typed: str, name: str | None) -> None:
    settings = invocation.services.settings
    matching = [each.id for each in list_trash(settings) if each.id.startswith(typed.upper())]
    restored = restore_project(settings, matching[0] if len(matching) == 1 else typed, name=name)
    value = {"project": restored.name, "owner": restored.owner, "path": str(restored.path)}
    show(invocation, value, lambda: f"{strong(restored.name)} is back in {restored.path}")


def _empty(invocation: Invocation, yes: bool) -> None:
    settings = invocation.services.settings
    found = list_trash(settings)
    if found:
        names = ", ".join(each.name for each in found)
        confirm(f"Destroy {names} for good?", yes=yes)
    gone = empty_trash(settings)
    show(invocation, [asdict(each) for each in gone], lambda: f"{len(gone)} projects destroyed.")
