"""`trailmark env update`."""

import click

from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.projects.packages import update


@verb("update")
@click.argument("packages", nargs=-1)
@click.option("--manager", metavar="M", help="Only of one package manager: pip, conda, apt or r.")
def command(invocation: Invocation, packages: tuple[str, ...], manager: str | None) -> None:
    """Resolve again with the newest versions that trailmark.toml allows, install and record.

    With names, only those packages move, and others only where they must.

    \b
    trailmark env update
    trailmark env update pandas
    """
    means, actor = invocation.services.means, invocation.actor
    change_environment(
        invocation,
        lambda project, progress: update(
            project, means, progress, names=packages, manager=manager, actor=actor
        ),
    )
