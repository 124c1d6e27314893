"""`trailmark new`."""

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.verb import verb
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.projects.new import new_project


@verb("new")
@click.argument("name")
@click.option("-d", "--description", default="", help="What the project is about, in a sentence.")
@click.option("-p", "--package", "packages", multiple=True, help="A package that it needs; may be repeated.")
@click.option(
    "--base", "base_id", metavar="ID", help="The base that its environment starts from: trailmark bases."
)
def command(
    invocation: Invocation, name: str, description: str, packages: tuple[str, ...], base_id: str | None
) -> None:
    """Make a project: a folder with code/, input/, output/, a README and its first record.

    It is an ordinary git repository. Packages are installed when they are first needed.

    \b
    trailmark new weather
    trailmark new weather -d "Rain in the alps" -p pandas -p matplotlib
    trailmark new survey --base r-tidyverse
    """
    settings = invocation.services.settings
    base = load_catalogue(settings.home, settings.bases).get(base_id) if base_id else None
    project = new_project(
        name,
        settings,
        description=description,
        packages=packages,
        base=base,
        actor=invocation.actor,
    )
    base_chosen = base.id if base else None
    value = {
        "project": project.name, "owner": project.owner, "path": str(project.path), "base": base_chosen
    }  # fmt: skip
    show(
        invocation,
        value,
        lambda: (
            f"{strong(project.name)} is ready in {project.path}\nOpen it: trailmark -C {project.name} launch"
        ),
    )
