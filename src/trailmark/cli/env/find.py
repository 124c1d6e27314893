"""`trailmark env find`."""

import click

from trailmark.cli.choose import find_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.verb import verb
from trailmark.environments.catalogue import complete, newest
from trailmark.environments.interpreter import find_interpreter
from trailmark.projects.environment import whole_request


@verb("find")
@click.argument("name")
def command(invocation: Invocation, name: str) -> None:
    """Complete the name of a package, and say its newest version.

    \b
    trailmark env find panda
    """
    services = invocation.services
    project = find_chosen(invocation)
    wanted = whole_request(project).pip.python if project else ""
    names = complete(name)
    python = find_interpreter(wanted, uv=services.uv)
    exact = name if not names or name in names else names[0]
    version = newest(exact, home=services.settings.home, python=python, uv=services.uv)
    value = {"names": list(names), "newest": {"name": exact, "version": version} if version else None}
    lines = [f"{exact} {version}"] if version else [f"No version of {exact} was found."]
    lines += [other for other in names if other != exact]
    show(invocation, value, lambda: "\n".join(lines))
