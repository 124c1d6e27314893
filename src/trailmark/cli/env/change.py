"""What the commands that change an environment share: doing it with progress, and saying what came of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.progress import Progress
from trailmark.projects.build_logs import keeping_log
from trailmark.projects.built import environment_facts
from trailmark.projects.project import Project
from trailmark.projects.relock import Relocked
from trailmark.projects.standing import EnvironmentStanding, standing_of
from trailmark.sessions.notify import packages_changed

Change = Callable[[Project, Progress], Relocked]


def change_environment(
    invocation: Invocation, change: Change, more: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Change the chosen project's environment, tell its open sessions, and show the difference.

    `more` is told besides, as data.
    """
    project, services = open_chosen(invocation), invocation.services
    title = click.get_current_context().command_path
    with TerminalProgress() as shown, keeping_log(project, title, shown) as progress:
        changed = change(project, progress)
    told = []
    if changed.moves_python:
        message = "The packages have changed. Restart the kernel to use them."
        told = packages_changed(project, services.engine, services.uv, message)
    standing = standing_of(project, services.managers)
    differences = list(changed.changes)
    value = environment_facts(standing, services.containers_named) | {
        "changes": differences,
        "restart": [session.id for session in told],
    }
    show(invocation, value | dict(more), lambda: _text(changed, bool(told), standing))


def _text(changed: Relocked, told: bool, standing: EnvironmentStanding) -> str:
    same = "The lock stays as it was." if changed.is_recorded else "Nothing changed."
    lines = [*(changed.changes or [same]), *standing.why]
    if told:
        lines.append("JupyterLab is open: restart the kernel to use the new packages.")
    if standing.left:
        lines.append("Locked, and left to this machine's own system when you launch here: see trailmark env")
    return "\n".join(lines)
