"""`trailmark bases`."""

from pathlib import Path
from typing import Any

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, strong, table
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.environments.bases.catalogue import Listed, load_catalogue
from trailmark.environments.bases.fetch import fetch_catalogue
from trailmark.environments.bases.render import base_facts
from trailmark.errors import Cancelled, TrailmarkError
from trailmark.git.address import looks_like_address


@verb("bases")
@click.option("--language", metavar="NAME", help="Only those that have a language: python, r.")
@click.option("--tool", metavar="NAME", help="Only those that have a tool: jupyterlab, rstudio.")
@click.option("--gpu", is_flag=True, help="Only those for a GPU.")
@click.option(
    "--refresh", is_flag=True, help="Fetch the catalogues that the settings name by git address first."
)
@click.option("--private", is_flag=True, help="Allow --refresh an address on a private network.")
def command(
    invocation: Invocation, language: str | None, tool: str | None, gpu: bool, refresh: bool, private: bool
) -> None:
    """List the starting points that an environment can have.

    A base says which operating system, languages and tools a project begins with. Choose one with
    `trailmark new --base ID`, or later with `trailmark env base ID`. More catalogues are named in the settings.

    \b
    trailmark bases
    trailmark bases --language r --tool rstudio
    """
    settings = invocation.services.settings
    failed: list[str] = []
    if refresh:
        with TerminalProgress() as progress:
            for place in filter(looks_like_address, settings.bases):
                problem = _fetch(settings.home, place, progress, allow_private=private)
                failed += [f"{place}: {problem}"] if problem else []
    for problem in failed:
        click.echo(problem, err=True)
    catalogue = load_catalogue(settings.home, settings.bases)
    for problem in catalogue.problems:
        click.echo(problem, err=True)
    chosen = catalogue.choose(language=language, tool=tool, gpu=gpu)
    value = [base_facts(one.base) | {"catalogue": one.catalogue} for one in chosen]
    show(invocation, value, lambda: _text(chosen))
    if failed:
        raise click.exceptions.Exit(1)


def _fetch(home: Path, place: str, progress: TerminalProgress, *, allow_private: bool) -> str | None:
    """Bring one catalogue up to date; return why that failed. What was there before stays."""
    try:
        fetch_catalogue(home, place, progress, allow_private=allow_private)
    except Cancelled:
        raise
    except TrailmarkError as error:
        return str(error)
    return None


def _text(chosen: tuple[Listed, ...]) -> str:
    if not chosen:
        return "No base is like that. `trailmark bases` lists all of them."
    rows: list[Any] = [
        (strong(one.base.id), one.base.title, _words(one), faint(one.catalogue)) for one in chosen
    ]
    return table(rows, ("BASE", "WHAT IT IS", "HAS", "CATALOGUE"))


def _words(one: Listed) -> str:
    languages = [f"{_NAMES.get(name, name)} {version}" for name, version in one.base.languages.items()]
    gpu = [f"CUDA {one.base.gpu.cuda}"] if one.base.gpu else []
    return ", ".join([*languages, *gpu, *(tool for tool in one.base.tools if tool == "rstudio")])


_NAMES = {"python": "Python", "r": "R", "julia": "Julia", "bash": "Bash"}
