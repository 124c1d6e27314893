"""`trailmark recorder`, which sessions start by themselves."""

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import verb
from trailmark.sessions.recorder import run_recorder
from trailmark.sessions.stop import statuses


@verb("recorder")
def command(invocation: Invocation) -> None:
    """Record what happens in a project until no session is left; ends at once when that is done already.

    \b
    trailmark -C weather recorder
    """
    project = open_chosen(invocation)
    services = invocation.services
    run_recorder(project, lambda: bool(statuses(services.settings, services.engine, project)))
