"""`trailmark rollback`."""

import click

from trailmark.cli import restored
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import confirm, show
from trailmark.cli.record_id import get_id, short
from trailmark.cli.verb import verb
from trailmark.projects.rollback import go_back
from trailmark.sessions.notify import with_open_sessions


@verb("rollback")
@click.argument("id")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, even when JupyterLab is open.")
def command(invocation: Invocation, id: str, yes: bool) -> None:
    """Go back to how the project was at a record.

    The present state stays in the trail, and going back is a record itself. Files that git does not hold (large
    or ignored ones) stay where they are. Asks first when a session is open on the project: its documents are
    saved before and reloaded after, but kernels keep what they hold in memory.

    \b
    trailmark rollback 01M848Q3WP
    """
    project, services = open_chosen(invocation), invocation.services
    target = get_id(project, id)
    if services.has_sessions(project):
        confirm(f"JupyterLab is open on {project.name}. Go back under it?", yes=yes, essential=False)
    altered, told = with_open_sessions(
        project,
        services.engine,
        services.uv,
        "The project went back to an earlier state. Restart the kernel to match it.",
        lambda: go_back(project, target, actor=invocation.actor),
    )
    recorded = altered.recorded
    value = {"id": recorded.id, "commit": recorded.commit, "to": target}
    show(
        invocation,
        value | restored.as_data(altered.restored, told),
        lambda: f"Went back to {short(target)}. {restored.as_text(altered.restored, told)}",
    )
