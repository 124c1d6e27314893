"""`trailmark launch`."""

import click

from trailmark.cli.choose import open_chosen, typed
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.secrets_asked import ask_for_secrets
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.sessions.apps import PREFIX
from trailmark.sessions.launch import launch
from trailmark.sessions.tools.catalogue import DEFAULT


@verb("launch")
@click.option("--tool", metavar="NAME", help=f"What to open, as `trailmark tools` lists it: else {DEFAULT}.")
@click.option("--app", metavar="NAME", help="Open a web app of the project instead, by its name.")
@click.option("--engine", metavar="NAME", help="Where to run it, as `trailmark engines` lists them.")
def command(invocation: Invocation, tool: str | None, app: str | None, engine: str | None) -> None:
    """Open a project in JupyterLab or another tool, or one of its web apps; what is done there is recorded.

    The first launch makes the project's environment. Prints the address when the server is ready; the address
    alone opens it, so keep it to yourself. A session that runs already is used again. It goes on running until
    `trailmark stop`. A project that starts from a base runs in a container where there is an engine for those, any
    other on this machine; --engine says otherwise. When a secret that the project names has no value yet, you are
    asked for it.

    \b
    trailmark -C weather launch
    trailmark launch --tool terminal --engine local
    trailmark launch --app dashboard
    trailmark launch --json
    """
    if tool and app:
        raise InvalidInput("Choose a tool or an app, not both.")
    project = open_chosen(invocation)
    ask_for_secrets(invocation, project)
    with TerminalProgress() as progress:
        session = launch(
            project,
            invocation.services.engine_for(project, engine),
            invocation.services.uv,
            progress,
            tool=PREFIX + app if app else tool or DEFAULT,
            actor=invocation.actor,
            managers=invocation.services.managers,
        )
    value = {
        "url": session.url,
        "kernel": session.kernel,
        "session": session.id,
        "tool": session.tool,
        "engine": session.engine,
        "project": project.name,
    }
    show(
        invocation,
        value,
        lambda: (
            f"{session.title} is ready: {strong(session.url_for())}\n"
            f"End it with: {typed(invocation, project, 'stop')}"
        ),
    )
