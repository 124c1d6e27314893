"""`trailmark engines list`."""

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, strong, table
from trailmark.cli.verb import verb
from trailmark.wiring import EngineFound


@verb("list")
def command(invocation: Invocation) -> None:
    """List where sessions can run: this machine itself, and the container engines that answer on it.

    \b
    trailmark engines
    trailmark engines list --json
    """
    found = invocation.services.list_engines()
    value = [
        {"engine": one.name, "available": one.reason is None, "default": one.is_default, "reason": one.reason}
        for one in found
    ]
    show(invocation, value, lambda: _text(found))


def _text(found: list[EngineFound]) -> str:
    rows = [
        (strong(one.name), faint(one.reason) if one.reason else "default" if one.is_default else "ready")
        for one in found
    ]
    return table(rows)
