"""`trailmark env search`."""

from typing import Any

import click

from trailmark.cli.choose import find_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, table
from trailmark.cli.verb import verb
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.search import find_packages, versions_of
from trailmark.projects.environment import whole_request


@verb("search")
@click.argument("name")
@click.option("--manager", default="pip", metavar="M", help="Of which package manager: pip, conda, apt or r.")
@click.option("--versions", is_flag=True, help="List the versions of the package of just that name.")
@click.option("--limit", default=20, type=click.IntRange(1, 200), help="At most so many.")
def command(invocation: Invocation, name: str, manager: str, versions: bool, limit: int) -> None:
    """Find packages by the beginning of their name, with their newest versions.

    It looks where the project's environment does: in the channels, sources and repositories that the project or its
    base names, as they were on the day that is asked for. Ask for one version with `env add NAME==VERSION`; apt has
    one “=”.

    \b
    trailmark env search panda
    trailmark env search gdal --manager apt
    trailmark env search numpy --versions
    """
    project, services = find_chosen(invocation), invocation.services
    request = whole_request(project) if project else WholeRequest()
    if versions:
        listed = versions_of(request, manager, name, services.means, limit=limit)
        show(
            invocation,
            {"manager": manager, "name": name, "versions": listed},
            lambda: "\n".join(listed) or f"{manager} knows no version of {name}.",
        )
        return
    home = services.settings.home
    found = find_packages(request, manager, name, services.means, home, limit=limit)
    value = [{"manager": manager, "name": each, "version": version} for each, version in found.items()]
    rows: list[Any] = [(each, version or "") for each, version in found.items()]
    show(invocation, value, lambda: table(rows) or f"{manager} knows no package like that.")
