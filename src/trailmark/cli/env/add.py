"""`trailmark env add`."""

import click

from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.projects.packages import add


@verb("add")
@click.argument("packages", nargs=-1, required=True)
@click.option("--manager", default="pip", metavar="M", help="Of which package manager: pip, conda, apt or r.")
@click.option(
    "--channel", "channels", multiple=True, metavar="PLACE", help="Look there from now on; may be repeated."
)
@click.option(
    "--day", metavar="DAY", help="Take apt's or R's packages as of this day (2024-05-01) from now on."
)
def command(
    invocation: Invocation,
    packages: tuple[str, ...],
    manager: str,
    channels: tuple[str, ...],
    day: str | None,
) -> None:
    """Ask for packages: resolve, install and record.

    Versions that fit together are found first; when there are none, nothing changes and the reason is shown.
    What is there already stays at its version where it can. An open session says when a kernel must be restarted.
    A PLACE is a channel of conda, a line of apt's sources list, or a repository of R packages, by address or folder.

    \b
    trailmark env add pandas
    trailmark env add "numpy>=2,<3" scipy
    trailmark env add --manager apt libgdal-dev
    trailmark env add --manager conda --channel conda-forge gdal
    trailmark env add --manager r --day 2024-05-01 ggplot2
    """
    means, actor = invocation.services.means, invocation.actor
    change_environment(
        invocation,
        lambda project, progress: add(
            project, packages, means, progress, manager=manager, channels=channels, snapshot=day, actor=actor
        ),
    )
