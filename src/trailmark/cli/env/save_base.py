"""`trailmark env save-base`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.verb import verb
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.render import base_facts
from trailmark.projects.base import save_base


@verb("save-base")
@click.argument("name")
@click.option("--title", default="", help="What people see; NAME when not said.")
@click.option(
    "-d", "--description", default="", help="What it is for; the project's description when not said."
)
def command(invocation: Invocation, name: str, title: str, description: str) -> None:
    """Keep this environment as a base of your own, for the next project or for a class.

    Packages are kept at the versions of the lock (apt's as they were asked for), and the snippets come along. The
    base lies in the Trailmark home, in bases/: put that file into a folder or a git repository that others name in
    their settings, and they can choose it too.

    \b
    trailmark env save-base field-course --title "Field course 2026"
    """
    project, settings = open_chosen(invocation), invocation.services.settings
    catalogue = load_catalogue(settings.home, settings.bases)
    managers = invocation.services.managers
    saved = save_base(project, name, catalogue, managers, title=title, description=description)
    show(
        invocation,
        base_facts(saved),
        lambda: (
            f"{strong(saved.id)} revision {saved.revision} is kept.\n"
            f"Begin with it: trailmark new NAME --base {saved.id}"
        ),
    )
