"""`trailmark env update`."""

from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.projects.packages import update


@verb("update")
def command(invocation: Invocation) -> None:
    """Resolve again with the newest versions that trailmark.toml allows, install and record.

    \b
    trailmark env update
    """
    uv, actor = invocation.services.uv, invocation.actor
    change_environment(invocation, lambda project, progress: update(project, uv, progress, actor=actor))
