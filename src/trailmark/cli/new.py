"""`trailmark new`."""

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.verb import verb
from trailmark.projects.new import new_project


@verb("new")
@click.argument("name")
@click.option("-d", "--description", default="", help="What the project is about, in a sentence.")
@click.option("-p", "--package", "packages", multiple=True, help="A package that it needs; may be repeated.")
def command(invocation: Invocation, name: str, description: str, packages: tuple[str, ...]) -> None:
    """Make a project: a folder with code/, input/, output/, a README and its first record.

    It is an ordinary git repository. Packages are installed when they are first needed.

    \b
    trailmark new weather
    trailmark new weather -d "Rain in the alps" -p pandas -p matplotlib
    """
    project = new_project(
        name,
        invocation.services.settings,
        description=description,
        packages=packages,
        actor=invocation.actor,
    )
    value = {"project": project.name, "owner": project.owner, "path": str(project.path)}
    show(
        invocation,
        value,
        lambda: (
            f"{strong(project.name)} is ready in {project.path}\nOpen it: trailmark -C {project.name} launch"
        ),
    )
