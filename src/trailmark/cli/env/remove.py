"""`trailmark env remove`."""

import click

from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.projects.packages import remove


@verb("remove")
@click.argument("packages", nargs=-1, required=True)
@click.option("--manager", default="pip", metavar="M", help="Of which package manager: pip, conda, apt or r.")
def command(invocation: Invocation, packages: tuple[str, ...], manager: str) -> None:
    """Stop asking for packages. What only they needed goes with them.

    \b
    trailmark env remove scipy
    """
    means, actor = invocation.services.means, invocation.actor
    change_environment(
        invocation,
        lambda project, progress: remove(project, packages, means, progress, manager=manager, actor=actor),
    )
