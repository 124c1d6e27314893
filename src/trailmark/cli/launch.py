"""`trailmark launch`."""

import click

from trailmark.cli.choose import open_chosen, typed
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.sessions.launch import TOOLS, launch


@verb("launch")
@click.option("--tool", type=click.Choice(TOOLS), default=TOOLS[0], show_default=True, help="What to open.")
def command(invocation: Invocation, tool: str) -> None:
    """Open JupyterLab on a project; every cell and terminal command in it is recorded.

    The first launch makes the project's environment. Prints the address when the server is ready; the address
    alone opens it, so keep it to yourself. A session that runs already is used again. It goes on running until
    `trailmark stop`.

    \b
    trailmark -C weather launch
    trailmark launch --json
    """
    project = open_chosen(invocation)
    with TerminalProgress() as progress:
        session = launch(
            project,
            invocation.services.engine,
            invocation.services.uv,
            progress,
            tool=tool,
            actor=invocation.actor,
        )
    value = {
        "url": session.url,
        "kernel": session.kernel,
        "session": session.id,
        "tool": session.tool,
        "project": project.name,
    }
    show(
        invocation,
        value,
        lambda: f"JupyterLab is ready: {strong(session.url)}\nEnd it with: {typed(invocation, project, 'stop')}",
    )
