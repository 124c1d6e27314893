"""`trailmark engines`: where sessions can run, and what lies there."""

from collections.abc import Mapping

import click

from trailmark.cli.verb import LazyGroup

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Engines": {
        "list": "List where sessions can run, and why one does not answer.",
        "clean": "Remove environments and images that nothing uses any more.",
    }
}


@click.group(
    "engines",
    cls=LazyGroup,
    package="trailmark.cli.engines",
    sections=SECTIONS,
    invoke_without_command=True,
)
@click.pass_context
def command(context: click.Context) -> None:
    """List where sessions can run, or make room there; alone, it is `trailmark engines list`.

    \b
    trailmark engines
    trailmark engines clean
    """
    if context.invoked_subcommand is None:
        from trailmark.cli.engines.list import command as listing

        context.invoke(listing)
