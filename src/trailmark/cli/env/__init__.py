"""`trailmark env`: the environment of a project."""

from collections.abc import Mapping

import click

from trailmark.cli.verb import LazyGroup

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Packages": {
        "show": "List what was asked for, what was resolved and what is installed.",
        "add": "Ask for packages: resolve, install and record.",
        "remove": "Stop asking for packages.",
        "update": "Resolve again, with the newest versions.",
        "import": "Take in requirements.txt, environment.yml, renv.lock and others.",
        "detect": "Find what the code imports, and propose versions of its time.",
        "lock": "Resolve what trailmark.toml asks for, as after editing it by hand.",
        "build": "Make the environment, so that a launch need not wait.",
        "search": "Find packages by the beginning of their name.",
        "verify": "Rebuild from the lock alone, and compare.",
        "history": "List how the environment came to be, change by change.",
        "restore": "Go back to the environment after a record.",
    },
    "The rest": {
        "base": "Show the base of the environment, or start from another one.",
        "save-base": "Keep this environment as a base of your own.",
        "snippet": "List, set or remove pieces of a Dockerfile.",
        "resources": "Show or choose what a session may use.",
        "secret": "Keep the value of a secret that the code needs.",
    },
}


@click.group(
    "env", cls=LazyGroup, package="trailmark.cli.env", sections=SECTIONS, invoke_without_command=True
)
@click.pass_context
def command(context: click.Context) -> None:
    """See and change the environment of a project; alone, it is `trailmark env show`.

    What you ask for stands in trailmark.toml, what was resolved from it in environment/: the base, and every package
    with its version and hashes, so that the same environment can be made anywhere, later.

    \b
    trailmark env add pandas "matplotlib>=3.9"
    trailmark env
    """
    if context.invoked_subcommand is None:
        from trailmark.cli.env.show import command as show

        context.invoke(show)
