"""`trailmark stop`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.verb import verb
from trailmark.projects.project import Project, open_project
from trailmark.sessions.session import Session, iter_sessions
from trailmark.sessions.stop import stop


@verb("stop")
@click.argument("session", required=False)
@click.option("--all", "everywhere", is_flag=True, help="End the sessions of every project.")
def command(invocation: Invocation, session: str | None, everywhere: bool) -> None:
    """End the running sessions of a project, or one of them; what they did is recorded first.

    Kernels are shut down and lose what they hold in memory.

    \b
    trailmark stop
    trailmark stop --all
    """
    services = invocation.services
    stopped: list[Session] = []
    for project in _all(invocation) if everywhere else [open_chosen(invocation)]:
        stopped += stop(project, services.engine, session)
    value = {
        "stopped": [{"session": each.id, "tool": each.tool, "project": each.project} for each in stopped]
    }
    show(invocation, value, lambda: _text(stopped))


def _all(invocation: Invocation) -> list[Project]:
    from pathlib import Path

    settings = invocation.services.settings
    paths = sorted({each.project for each in iter_sessions(settings)})
    return [open_project(Path(path), settings) for path in paths if Path(path).exists()]


def _text(stopped: list[Session]) -> str:
    if not stopped:
        return "No session was running."
    return "\n".join(f"Ended {each.tool} on {each.project}" for each in stopped)
