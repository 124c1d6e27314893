"""`trailmark stop`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.projects.project import Project, open_project
from trailmark.sessions.session import Session, get_session, iter_sessions
from trailmark.sessions.stop import Stopped, give_up, stop_each


@verb("stop")
@click.argument("session", required=False)
@click.option("--all", "everywhere", is_flag=True, help="End the sessions of every project.")
@click.option("--forget", is_flag=True, help="Forget SESSION, whose engine is gone; what it wrote is kept.")
def command(invocation: Invocation, session: str | None, everywhere: bool, forget: bool) -> int:
    """End the running sessions of a project, or one of them; what they did is recorded first.

    Kernels are shut down and lose what they hold in memory. One whose engine does not answer does not keep the
    others.

    \b
    trailmark stop
    trailmark stop --all
    """
    if forget:
        _forget(invocation, session)
        return 0
    services = invocation.services
    stopped: list[Session] = []
    left: list[tuple[Session, str]] = []
    for project in _all(invocation) if everywhere else [open_chosen(invocation)]:
        done = stop_each(project, services.engine, session)
        stopped += done.sessions
        left += done.left
    value = {
        "stopped": [_facts(each) for each in stopped],
        "left": [_facts(each) | {"reason": reason} for each, reason in left],
    }
    show(invocation, value, lambda: _text(stopped, is_all=not left))
    Stopped(tuple(stopped), tuple(left)).require()
    return 0


def _forget(invocation: Invocation, session: str | None) -> None:
    if session is None:
        raise InvalidInput("Say which session to forget; `trailmark status` lists them.")
    from pathlib import Path

    services = invocation.services
    project = open_project(Path(get_session(services.settings, session).project), services.settings)
    forgotten = give_up(project, services.engine, session)
    show(
        invocation,
        {"forgotten": _facts(forgotten)},
        lambda: (
            f"Forgot {forgotten.tool} on {forgotten.project}. Should its container still run, end it there."
        ),
    )


def _facts(session: Session) -> dict[str, str]:
    return {"session": session.id, "tool": session.tool, "project": session.project}


def _all(invocation: Invocation) -> list[Project]:
    from pathlib import Path

    settings = invocation.services.settings
    paths = sorted({each.project for each in iter_sessions(settings)})
    return [open_project(Path(path), settings) for path in paths if Path(path).exists()]


def _text(stopped: list[Session], *, is_all: bool) -> str:
    if not stopped and is_all:
        return "No session was running."
    return "\n".join(f"Ended {each.tool} on {each.project}" for each in stopped)
