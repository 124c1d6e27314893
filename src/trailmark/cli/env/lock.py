"""`trailmark env lock`."""

from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.projects.packages import lock_environment


@verb("lock")
def command(invocation: Invocation) -> None:
    """Resolve what trailmark.toml asks for, install and record; for use after editing it by hand.

    Versions that still fit are kept.

    \b
    trailmark env lock
    """
    means, actor = invocation.services.means, invocation.actor
    change_environment(
        invocation, lambda project, progress: lock_environment(project, means, progress, actor=actor)
    )
