"""The program `trailmark`: its commands, and the one place where results become exit codes."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from trailmark.cli import failures
from trailmark.cli.invocation import Invocation
from trailmark.cli.verb import LazyGroup

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "start": "Open Trailmark in the browser.",
        "demo": "Make a project of real work and run it, to look around in.",
        "doctor": "Say what this machine can do, and what to install for more.",
    },
    "Projects": {
        "new": "Make a project.",
        "list": "List your projects.",
        "show": "Describe a project: where it is, its size, its environment.",
        "describe": "Say in a sentence what a project is about.",
        "rename": "Give a project another name.",
        "copy": "Copy a project with its whole trail.",
        "delete": "Move a project to the trash, or empty the trash.",
        "import": "Bring in a folder, a git address or an exported file.",
        "export": "Write a project with its whole trail to one file.",
        "files": "List the files of a project, now or as they were.",
    },
    "Work": {
        "launch": "Open a project in JupyterLab, another tool or one of its apps; what is done is recorded.",
        "status": "Say what is running and what is not yet recorded.",
        "stop": "End running sessions.",
        "run": "Run a command and record it.",
        "env": "See and change the packages of a project.",
        "bases": "List the starting points that an environment can have.",
        "tools": "List what a project can be opened in, and how to install what is missing.",
        "engines": "List where sessions can run.",
    },
    "The trail": {
        "log": "List, filter and search what happened, or show one record.",
        "note": "Write a note into the trail.",
        "rollback": "Go back to how the project was at a record.",
        "branch": "List branches, or begin a new one.",
        "switch": "Work on another branch.",
        "verify": "Check that no record was altered or lost.",
    },
}


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"trailmark {version('trailmark')}")
        context.exit()


@click.group(
    "trailmark",
    cls=LazyGroup,
    package="trailmark.cli",
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command explains itself: trailmark COMMAND --help.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def program() -> None:
    """Work as always. Everything that happened is kept, seen and searchable.

    Commands work on the project of the folder you are in, unless -C says otherwise.

    \b
    trailmark new weather            make a project
    trailmark -C weather launch      open it in JupyterLab
    trailmark -C weather log         see what happened
    """


def run(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> int:
    """Carry out one call of the command line; return its exit code."""
    invocation = Invocation(environ=environ, folder=folder)
    colour = False if environ.get("NO_COLOR") else None
    try:
        result = program.main(
            list(arguments), prog_name="trailmark", standalone_mode=False, obj=invocation, color=colour
        )
    except Exception as error:
        return failures.report(error, environ)
    return result if isinstance(result, int) else 0


def main() -> NoReturn:
    """Run the program for the arguments of this process, and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:], os.environ, _folder()))


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.sep)
