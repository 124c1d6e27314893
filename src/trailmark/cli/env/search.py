"""`trailmark env search`."""

from typing import Any

import click

from trailmark.cli.choose import find_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, table
from trailmark.cli.verb import verb
from trailmark.environments.catalogue import complete
from trailmark.environments.interpreter import find_interpreter
from trailmark.environments.managers.model import Wanted
from trailmark.environments.whole.latest import Latest, ask_pip, of_python
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import manager_named
from trailmark.projects.environment import whole_request


@verb("search")
@click.argument("name")
@click.option("--manager", default="pip", metavar="M", help="Of which package manager: pip, conda, apt or r.")
@click.option("--limit", default=20, type=click.IntRange(1, 200), help="At most so many names.")
def command(invocation: Invocation, name: str, manager: str, limit: int) -> None:
    """Find packages by the beginning of their name, with their newest versions.

    \b
    trailmark env search panda
    trailmark env search gdal --manager apt
    """
    project = find_chosen(invocation)
    request = whole_request(project) if project else WholeRequest()
    found = _search(invocation, request, manager, name, limit)
    value = [{"manager": manager, "name": each, "version": version} for each, version in found.items()]
    rows: list[Any] = [(each, version or "") for each, version in found.items()]
    show(invocation, value, lambda: table(rows) or f"{manager} knows no package like that.")


def _search(
    invocation: Invocation, request: WholeRequest, manager: str, name: str, limit: int
) -> dict[str, str | None]:
    services = invocation.services
    kept = Latest(services.settings.home)
    if manager == "pip":
        python = find_interpreter(request.pip.python, uv=services.uv)
        names = complete(name, limit) or (name,)
        found = kept.find(
            of_python(python.minor), names[:8], lambda missing: ask_pip(missing, python, services.uv)
        )
        found |= dict.fromkeys(names[8:])
        return found if complete(name, 1) else {each: one for each, one in found.items() if one}
    adapter, wanted = manager_named(services.managers, manager), request.others.get(manager, Wanted())
    matching = adapter.search(name, limit, wanted)
    return kept.find(manager, matching, lambda missing: adapter.newest(missing, wanted))
