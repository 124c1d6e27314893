"""`trailmark env resources`."""

from dataclasses import asdict

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import fields, show, size
from trailmark.cli.verb import verb
from trailmark.projects.manifest_environment import Resources, written_size
from trailmark.projects.resources import set_resources


@verb("resources")
@click.option("--cpus", type=click.FloatRange(0, 4096, min_open=True), help="How many processors.")
@click.option("--memory", metavar="SIZE", help="How much memory, such as 4GB.")
@click.option("--shared-memory", metavar="SIZE", help="How much of it processes may share, such as 1GB.")
@click.option("--gpu/--no-gpu", default=None, help="Whether a session needs a GPU.")
@click.option("--unlimited", is_flag=True, help="Take all limits away first.")
def command(
    invocation: Invocation,
    cpus: float | None,
    memory: str | None,
    shared_memory: str | None,
    gpu: bool | None,
    unlimited: bool,
) -> None:
    """Show or choose what a session of the project may use. Engines say which limits they can hold to.

    \b
    trailmark env resources
    trailmark env resources --cpus 2 --memory 4GB
    """
    project = open_chosen(invocation)
    before = Resources() if unlimited else project.manifest().resources
    if unlimited or any(each is not None for each in (cpus, memory, shared_memory, gpu)):
        set_resources(
            project,
            cpus=before.cpus if cpus is None else cpus,
            memory=memory or written_size(before.memory_bytes),
            shared_memory=shared_memory or written_size(before.shared_memory_bytes),
            gpu=before.gpu if gpu is None else gpu,
            actor=invocation.actor,
        )
    found = project.manifest().resources
    show(invocation, asdict(found), lambda: _text(found))


def _text(found: Resources) -> str:
    return (
        fields(
            {
                "processors": f"{found.cpus:g}" if found.cpus else "",
                "memory": size(found.memory_bytes) if found.memory_bytes else "",
                "shared memory": size(found.shared_memory_bytes) if found.shared_memory_bytes else "",
                "GPU": "needed" if found.gpu else "",
            }
        )
        or "A session may use all that the machine has."
    )
