"""`trailmark files`."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import click

from trailmark.cli.choose import bring_up_to_date, open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import clean, faint, save, show, size, table
from trailmark.cli.record_id import get_id
from trailmark.cli.verb import verb
from trailmark.errors import NotFound
from trailmark.git import FOLDER, LINK, Entry, Oid
from trailmark.git.model import SUBMODULE
from trailmark.projects.commits import commit_of
from trailmark.projects.difference import look
from trailmark.projects.project import Project


@verb("files")
@click.argument("path", required=False)
@click.option("--at", metavar="ID", help="As they were at this record; without it, as they are now.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the file here.")
def command(invocation: Invocation, path: str | None, at: str | None, output: Path | None) -> None:
    """List the files of a project, or of a folder in it; print one file, or save it. Now, or as they were.

    \b
    trailmark files
    trailmark files input --at 01M848Q3WP
    trailmark files --at 01M848Q3WP output/rain.png -o rain.png
    """
    project = open_chosen(invocation)
    tree = _tree(project, at)
    below = path.strip("/") if path else ""
    entry = project.repository.find_entry(tree, below) if below else None
    if entry is not None and entry.mode != FOLDER:
        _show_file(invocation, project, below, entry, output)
        return
    files = [
        _described(project, name, found)
        for name, found in project.repository.iter_files(tree)
        if not below or name.startswith(below + "/")
    ]
    if at is None:
        files += _held_back(project, below)
    if below and not files:
        raise NotFound(f"There is no {path} in {project.name}{' at that record' if at else ''}.")
    show(invocation, files, lambda: _list(files))


def _tree(project: Project, at: str | None) -> Oid | None:
    repository = project.repository
    if at is None:
        bring_up_to_date(project)
        return repository.tree_of(repository.head())
    return repository.tree_of(commit_of(repository, get_id(project, at)))


def _described(project: Project, path: str, entry: Entry) -> dict[str, Any]:
    count = None if entry.mode == SUBMODULE else project.repository.blob_size(entry.oid)
    return {"path": path, "bytes": count, "held": True, "link": entry.mode == LINK}


def _held_back(project: Project, below: str) -> list[dict[str, Any]]:
    """Return the files that lie there and that git does not hold."""
    found = look(project)
    return [
        {"path": held.path, "bytes": held.bytes, "held": False, "link": False}
        for held in found.held_back
        if not below or held.path == below or held.path.startswith(below + "/")
    ]


def _list(files: list[dict[str, Any]]) -> str:
    rows = [
        (
            clean(each["path"]),
            size(each["bytes"]) if each["bytes"] is not None else "",
            "" if each["held"] else faint("not held by git"),
        )
        for each in files
    ]
    return table(rows) or "No files yet."


def _show_file(
    invocation: Invocation, project: Project, path: str, entry: Entry, output: Path | None
) -> None:
    data = b"" if entry.mode == SUBMODULE else project.repository.blob(entry.oid)
    if output is not None:
        save(output, data)
    value = {"path": path, "bytes": len(data), "digest": hashlib.sha256(data).hexdigest()}
    if invocation.json or output is not None:
        saved = str(output) if output else None
        show(invocation, value | {"saved": saved}, lambda: f"Saved {path} ({size(len(data))}) as {saved}")
    elif sys.stdout.isatty():
        click.echo(clean(data.decode("utf-8", "replace")))
    else:
        click.echo(data, nl=False)
