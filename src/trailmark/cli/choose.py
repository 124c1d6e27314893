"""Which project a call is about: the one that `-C` names, else the one that the current folder lies in."""

import shlex
from collections.abc import Sequence

import click

from trailmark.cli.invocation import Invocation
from trailmark.errors import NotFound
from trailmark.projects.catch_up import catch_up_if_possible
from trailmark.projects.listing import find_around, find_project
from trailmark.projects.project import Project, open_project


def open_chosen(invocation: Invocation, named: str | None = None) -> Project:
    """Open the project that this call is about, or the one `named` as an argument. Raises NotFound."""
    settings, folder = invocation.services.settings, invocation.folder
    text = named or invocation.project_name
    if text is not None:
        return find_project(text, folder, settings)
    path = find_around(folder)
    if path is None:
        raise NotFound(
            f"{folder} is not in a Trailmark project. Go into one, or name it: trailmark -C PROJECT …. "
            "`trailmark list` shows the projects."
        )
    return open_project(path, settings)


def find_chosen(invocation: Invocation) -> Project | None:
    """Return the project that this call is about, None when nothing says which."""
    if invocation.project_name is None and find_around(invocation.folder) is None:
        return None
    return open_chosen(invocation)


def typed(invocation: Invocation, project: Project, verb: str) -> str:
    """Return a command on a project as a person types it where they are: without `-C` in the project's folder."""
    if find_around(invocation.folder.resolve()) == project.path:
        return f"trailmark {verb}"
    settings = invocation.services.settings
    place = project.path.parent.parent
    if place != settings.projects.resolve():
        return f"trailmark -C {shlex.quote(str(project.path))} {verb}"
    name = project.name if project.owner == settings.owner else f"{project.owner}/{project.name}"
    return f"trailmark -C {name} {verb}"


def bring_up_to_date(project: Project) -> None:
    """Record what has happened, for a command that only reads; say so when that is not possible now."""
    reason = catch_up_if_possible(project)
    if reason is not None:
        click.echo(f"The newest changes are not recorded yet. {reason}", err=True)


def project_and_name(names: Sequence[str]) -> tuple[str | None, str]:
    """Read the arguments `[PROJECT] NAME`. Raises UsageError for more than two."""
    if len(names) > 2:
        raise click.UsageError("Give at most two names: the project, and its new name.")
    return (names[0], names[1]) if len(names) == 2 else (None, names[0])
