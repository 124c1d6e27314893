"""`trailmark export`."""

from pathlib import Path

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, size, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.projects.export import Exported, export_project


@verb("export")
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def command(invocation: Invocation, target: Path | None, overwrite: bool) -> None:
    """Write a project with its whole trail to one file, for `trailmark import` elsewhere.

    FILE may be a folder; without it, the file is written where you are, named after the project. Values of
    secrets, environments, and files that git does not hold are not in it; the last are listed.

    \b
    trailmark export
    trailmark -C weather export ~/backup/weather.trailmark
    """
    project = open_chosen(invocation)
    place = invocation.folder / target if target else _usual_place(invocation, project.path)
    with TerminalProgress() as progress:
        exported = export_project(project, place, progress, overwrite=overwrite, actor=invocation.actor)
    value = {
        "project": project.name,
        "path": str(exported.path),
        "bytes": exported.bytes,
        "not_held": [
            {"path": file.path, "bytes": file.bytes, "digest": file.digest} for file in exported.not_held
        ],
    }
    show(invocation, value, lambda: _text(exported))


def _usual_place(invocation: Invocation, project: Path) -> Path:
    """Return where the person is, or beside the project for somebody who is inside of it."""
    here = invocation.folder.resolve()
    return project.parent if here.is_relative_to(project) else here


def _text(exported: Exported) -> str:
    lines = [f"Wrote {strong(str(exported.path))} ({size(exported.bytes)})"]
    if exported.not_held:
        lines.append("Git does not hold these files, so hand them over by another way:")
        lines += [f"  {file.path} ({size(file.bytes)})" for file in exported.not_held]
    return "\n".join(lines)
