"""`trailmark switch`."""

import click

from trailmark.cli import restored
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import confirm, show, strong
from trailmark.cli.verb import verb
from trailmark.projects.switch import switch_branch
from trailmark.sessions.notify import with_open_sessions


@verb("switch")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, even when JupyterLab is open.")
def command(invocation: Invocation, name: str, yes: bool) -> None:
    """Work on another branch. What was not recorded yet is recorded on the one you leave.

    \b
    trailmark switch other-model
    trailmark switch main
    """
    project, services = open_chosen(invocation), invocation.services
    if services.has_sessions(project) and name != project.repository.branch():
        confirm(f"JupyterLab is open on {project.name}. Switch under it?", yes=yes, essential=False)
    switched, told = with_open_sessions(
        project,
        services.engine,
        services.uv,
        f"The project is on the branch {name} now. Restart the kernel to match it.",
        lambda: switch_branch(project, name, actor=invocation.actor),
    )
    value = {"branch": switched.branch, "left": switched.left}
    show(
        invocation,
        value | restored.as_data(switched.restored, told),
        lambda: f"On the branch {strong(switched.branch)}. {restored.as_text(switched.restored, told)}",
    )
