"""`trailmark env build`."""

from pathlib import Path

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput
from trailmark.projects.build_logs import keeping_log
from trailmark.projects.image import ready_image, take_image
from trailmark.projects.packages import ready_environment

_TITLE = "trailmark env build"


@verb("build")
@click.option("--engine", metavar="NAME", help="Where, as `trailmark engines` lists them.")
@click.option(
    "--from", "source", metavar="FILE", type=click.Path(path_type=Path), help="Take the image from an export."
)
def command(invocation: Invocation, engine: str | None, source: Path | None) -> None:
    """Make the environment from its lock, where and as a launch would, so that the launch need not wait.

    One that is made already stays as it is. What was never locked is locked first. An image that `trailmark export
    --with-image` wrote is used for this project alone, for somebody else made it.

    \b
    trailmark env build
    trailmark env build --engine docker
    trailmark env build --engine docker --from weather.trailmark.image.tar
    """
    project, services, actor = open_chosen(invocation), invocation.services, invocation.actor
    containers = services.engine_for(project, engine).containers
    if source and containers is None:
        raise InvalidInput("An image is for an engine that runs containers: name it with --engine.")
    where = containers.name if containers else "local"
    with TerminalProgress() as shown, keeping_log(project, _TITLE, shown, engine=where) as progress:
        if containers is None:
            made = ready_environment(project, services.means, progress, actor=actor)
            digest, place = made.digest, str(made.path)
        else:
            if source:
                take_image(project, containers, invocation.folder / source, progress)
            trust = services.trust
            image = ready_image(project, containers, services.means, progress, trust=trust, actor=actor)
            digest, place = image.digest, image.reference
    value = {"engine": where, "digest": digest, "built": place}
    show(invocation, value, lambda: f"Ready: {place}")
