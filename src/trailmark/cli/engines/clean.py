"""`trailmark engines clean`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import confirm, faint, moment, show, size, table
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.sessions.clean import DAYS, Found, Unused, find_unused, remove_unused

_NAME = 30


@verb("clean")
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=DAYS,
    show_default=True,
    help="Keep what was used in so many days.",
)
@click.option("--look", is_flag=True, help="Only show what would go.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(invocation: Invocation, days: int, look: bool, yes: bool) -> None:
    """Remove environments and images that nothing uses any more, after showing them and asking.

    What no branch of any of your projects names now, and nothing has used for 30 days, goes; and what was broken off
    half made. No project, record or file of yours is touched: whoever goes back to an old state has its environment
    made again from its lock.

    \b
    trailmark engines clean --look
    trailmark engines clean --days 7
    """
    services = invocation.services
    containers = services.container_engines()
    found = find_unused(services.settings, services.engine, containers, days=days)
    for problem in found.unread:
        click.echo(f"Not read, so what it names is not known: {problem}", err=True)
    if found.items and not look:
        click.echo(_listed(found.items), err=True)
        confirm(f"Remove these, and have at least {size(found.bytes)} more room?", yes=yes)
    removed: list[Unused] = []
    if not look and found.items:
        with TerminalProgress() as progress:
            removed = remove_unused(
                services.settings, services.engine, containers, found.items, progress, days=days
            )
    value = {
        "unused": [asdict(item) for item in found.items],
        "bytes": found.bytes,
        "removed": [asdict(item) for item in removed],
    }
    show(invocation, value, lambda: _text(found, removed, look=look))


def _text(found: Found, removed: Sequence[Unused], *, look: bool) -> str:
    if not found.items:
        return "Nothing here is without use."
    if look:
        return f"{_listed(found.items)}\nWithout them there is at least {size(found.bytes)} more room."
    left = len(found.items) - len(removed)
    told = f"{len(removed)} removed: at least {size(sum(item.bytes for item in removed))} more room."
    return f"{told} {left} stayed, for something uses them." if left else told


def _listed(items: Sequence[Unused]) -> str:
    return table(
        [
            (
                size(item.bytes),
                item.engine,
                item.about,
                f"last used {moment(item.used)}",
                faint(item.name[:_NAME]),
            )
            for item in items
        ]
    )
