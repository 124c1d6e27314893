"""Handing out one output of a record: to a file, or to whoever reads standard output."""

import sys
from pathlib import Path

import click

from trailmark.activity import read_output
from trailmark.activity.index import Row
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import clean, save, show, size
from trailmark.errors import InvalidInput
from trailmark.git import Oid
from trailmark.projects.project import Project


def save_output(invocation: Invocation, project: Project, row: Row, number: int, target: Path | None) -> None:
    """Save output `number` of a record to a file, or print it; its content is checked. Raises InvalidInput."""
    if row.tree is None or number >= len(row.outputs):
        has = f"outputs 0 to {len(row.outputs) - 1}" if row.outputs else "no outputs"
        raise InvalidInput(f"The record {row.id} has {has}.")
    output = row.outputs[number]
    data = read_output(project.repository, Oid(row.tree), output)
    if target is not None:
        save(target, data)
        value = {"mime": output.mime, "bytes": len(data), "digest": output.digest, "saved": str(target)}
        show(invocation, value, lambda: f"Saved {output.mime} ({size(len(data))}) as {target}")
    elif not sys.stdout.isatty():
        click.echo(data, nl=False)
    elif output.mime.startswith("text/"):
        click.echo(clean(data.decode("utf-8", "replace")))
    else:
        raise InvalidInput(
            f"The output is {output.mime}, which a terminal cannot show. Save it with -o FILE."
        )
