"""`trailmark tools`."""

from typing import Any

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, strong, table
from trailmark.cli.verb import verb
from trailmark.sessions.tools import Presence, Tool, load_tools, look_for, problems_of


@verb("tools")
def command(invocation: Invocation) -> None:
    """List what a project can be opened in: what this machine has, and how to install the rest.

    Open one with `trailmark launch --tool NAME`. A project's own web apps are listed by `trailmark show`. In a
    container, what this machine lacks is not missed: the tool is put into the image. To add a tool of your own,
    describe it in a file below `tools/` in the Trailmark home.

    \b
    trailmark tools
    trailmark tools --json
    """
    settings = invocation.services.settings
    found = [(tool, look_for(tool, settings, invocation.environ)) for tool in load_tools(settings)]
    for problem in problems_of(settings):
        click.echo(problem, err=True)
    show(invocation, [_facts(tool, presence) for tool, presence in found], lambda: _text(found))


def _facts(tool: Tool, presence: Presence) -> dict[str, Any]:
    return {
        "tool": tool.id,
        "title": tool.title,
        "summary": tool.summary,
        "available": presence.is_there,
        "program": presence.program,
        "reason": presence.reason,
        "install": presence.install or None,
    }


def _text(found: list[tuple[Tool, Presence]]) -> str:
    rows = [
        (strong(tool.id), tool.title, "ready" if presence.is_there else faint(presence.reason or ""))
        for tool, presence in found
    ]
    ways = [f"To install {tool.title}: {presence.install}" for tool, presence in found if presence.install
            and not presence.is_there]  # fmt: skip
    return "\n\n".join([table(rows), *ways])
