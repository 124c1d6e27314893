"""`trailmark env import`."""

from pathlib import Path

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, one_line
from trailmark.cli.verb import verb
from trailmark.environments.whole.model import WholeRequest
from trailmark.projects.environment import readable_request
from trailmark.projects.packages import ask_otherwise
from trailmark.projects.take_in import TakenIn, read_description, take_in


@verb("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--conda", is_flag=True, help="Take an environment.yml's packages with conda, not with pip.")
@click.option("--no-python", is_flag=True, help="Leave the Python that the file names out.")
def command(invocation: Invocation, file: Path, conda: bool, no_python: bool) -> None:
    """Take in what a file asks for.

    It may be a requirements.txt, environment.yml, pyproject.toml, renv.lock, DESCRIPTION or apt.txt. A folder is read
    as Binder does. What you asked for already stays, unless the file asks for it otherwise; what cannot be taken over
    is said.

    \b
    trailmark env import requirements.txt
    trailmark env import environment.yml --conda
    """
    services, actor = invocation.services, invocation.actor
    detected = read_description(invocation.folder / file.expanduser())

    def take(request: WholeRequest) -> TakenIn:
        return take_in(request, detected, services.managers, conda=conda, python=not no_python)

    taken = take(readable_request(open_chosen(invocation))[0])
    for note in taken.notes:
        click.echo(faint(one_line(note, 200)), err=True)
    title = f"Took in {', '.join(Path(source).name for source in taken.sources) or file.name}"
    facts = {"sources": list(taken.sources), "notes": list(taken.notes)}
    change_environment(
        invocation,
        lambda project, progress: ask_otherwise(
            project,
            title,
            lambda request: take(request).request,
            services.means,
            progress,
            touched=taken.touched,
            hold=taken.hold,
            actor=actor,
        ),
        facts,
    )
