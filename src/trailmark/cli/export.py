"""`trailmark export`."""

from pathlib import Path

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, size, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.engines.docker import DockerEngine
from trailmark.errors import InvalidInput
from trailmark.projects.export import Exported, export_project, image_beside, require_place
from trailmark.projects.image import keep_image, require_image


@verb("export")
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--with-image", is_flag=True, help="Write the image of its environment beside it, too.")
@click.option(
    "--engine", metavar="NAME", default="docker", show_default=True, help="Which engine has the image."
)
def command(
    invocation: Invocation, target: Path | None, overwrite: bool, with_image: bool, engine: str
) -> None:
    """Write a project with its whole trail to one file, for `trailmark import` elsewhere.

    FILE may be a folder; without it, the file is written where you are, named after the project. Values of
    secrets, environments, and files that git does not hold are not in it; the last are listed.

    \b
    trailmark export
    trailmark -C weather export ~/backup/weather.trailmark
    trailmark export --with-image
    """
    project = open_chosen(invocation)
    containers = _containers(invocation, engine) if with_image else None
    place = invocation.folder / target if target else _usual_place(invocation, project.path)
    if containers:
        require_place(project, place, overwrite=overwrite)
        require_image(project, containers)
    with TerminalProgress() as progress:
        exported = export_project(project, place, progress, overwrite=overwrite, actor=invocation.actor)
        image = image_beside(exported.path) if containers else None
        if containers and image:
            keep_image(project, containers, image, progress)
    value = {
        "project": project.name,
        "path": str(exported.path),
        "bytes": exported.bytes,
        "image": str(image) if image else None,
        "not_held": [
            {"path": file.path, "bytes": file.bytes, "digest": file.digest} for file in exported.not_held
        ],
    }
    show(invocation, value, lambda: _text(exported, image))


def _containers(invocation: Invocation, name: str) -> DockerEngine:
    found = invocation.services.containers_named(name)
    if found is None:
        raise InvalidInput(f"The engine {name} has no images. Nothing was written.")
    return found


def _usual_place(invocation: Invocation, project: Path) -> Path:
    """Return where the person is, or beside the project for somebody who is inside of it."""
    here = invocation.folder.resolve()
    return project.parent if here.is_relative_to(project) else here


def _text(exported: Exported, image: Path | None) -> str:
    lines = [f"Wrote {strong(str(exported.path))} ({size(exported.bytes)})"]
    if image:
        lines.append(f"Wrote {strong(str(image))} ({size(image.stat().st_size)})")
    if exported.not_held:
        lines.append("Git does not hold these files, so hand them over by another way:")
        lines += [f"  {file.path} ({size(file.bytes)})" for file in exported.not_held]
    return "\n".join(lines)
