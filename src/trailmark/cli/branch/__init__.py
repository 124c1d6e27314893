"""`trailmark branch`: lines of work beside each other."""

from collections.abc import Mapping

import click

from trailmark.cli.verb import LazyGroup

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Commands": {
        "list": "List the branches, the current one first.",
        "new": "Begin a branch here, or at a record.",
        "delete": "End a branch; its records are kept.",
    },
}


@click.group(
    "branch", cls=LazyGroup, package="trailmark.cli.branch", sections=SECTIONS, invoke_without_command=True
)
@click.pass_context
def command(context: click.Context) -> None:
    """List branches, or begin a new one; alone, it is `trailmark branch list`.

    A branch is a line of work of its own: try something without disturbing the rest.

    \b
    trailmark branch new other-model --from 01M848Q3WP
    trailmark switch other-model
    trailmark branch
    """
    if context.invoked_subcommand is None:
        from trailmark.cli.branch.list import command as show

        context.invoke(show)
