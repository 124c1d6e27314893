"""`trailmark log`."""

import time
from pathlib import Path
from typing import Any

import click

from trailmark.activity import KINDS, STATUSES
from trailmark.activity.query import Filter, parse_time, parse_until
from trailmark.cli import log_text
from trailmark.cli.choose import bring_up_to_date, open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.log_data import full, listed
from trailmark.cli.output import show
from trailmark.cli.record_id import open_index
from trailmark.cli.save_output import save_output
from trailmark.cli.verb import verb
from trailmark.errors import InvalidInput

LIMIT = 50


@verb("log")
@click.argument("id", required=False)
@click.option(
    "--search", metavar="TEXT", help='Words that all occur in code, output or notes; "in quotes" as a phrase.'
)
@click.option("--kind", type=click.Choice(KINDS), metavar="KIND", help="One of: " + ", ".join(KINDS) + ".")
@click.option("--status", type=click.Choice(STATUSES), help="How it ended.")
@click.option("--tool", help="With what it was done: jupyterlab, terminal, trailmark.")
@click.option("--notebook", metavar="PATH", help="Only cells of this notebook.")
@click.option(
    "--file", metavar="PATH", help="What read or wrote this file; a folder, a name or *.csv will do."
)
@click.option("--person", help="Whose it is.")
@click.option("--actor", help="person, program for any program, or program:NAME.")
@click.option("--session", help="Only one session.")
@click.option("--branch", help="Only what is on this branch.")
@click.option("--since", metavar="WHEN", help="Not before: 2026-11-20, yesterday, monday, 36h, 2w …")
@click.option("--until", metavar="WHEN", help="Not after; a day counts to its end.")
@click.option("--before", metavar="ID", help="Older than this record: the next page.")
@click.option(
    "--limit", type=click.IntRange(0), default=LIMIT, show_default=True, help="How many; 0 for all."
)
@click.option("--outside", is_flag=True, help="Show commits made with plain git too.")
@click.option(
    "--output", type=click.IntRange(0), metavar="N", help="With ID: print output N, or save it with -o."
)
@click.option(
    "-o", "target", type=click.Path(dir_okay=False, path_type=Path), help="Where to save the output."
)
def command(
    invocation: Invocation,
    id: str | None,
    before: str | None,
    limit: int,
    outside: bool,
    output: int | None,
    target: Path | None,
    **wanted: Any,
) -> None:
    """List, filter and search what happened, newest first; with ID, show one record in full.

    The beginning of an id is enough, and the id of a commit will do.

    \b
    trailmark log
    trailmark log --search "least squares" --since monday
    trailmark log --file output/rain.png --kind cell
    trailmark log 01M848Q3WP
    trailmark log 01M848Q3WP --output 0 -o figure.png
    """
    if id is None and (output is not None or target is not None):
        raise click.UsageError("--output and -o need the ID of a record.")
    project = open_chosen(invocation)
    bring_up_to_date(project)
    with open_index(project) as index:
        if id is None:
            found = _filter(wanted)
            rows = index.page(found, before=before, limit=limit or -1, with_outside=outside)
            value = listed(project, index, rows, found) if invocation.json else []
            show(invocation, value, lambda: log_text.listing(rows, index.count(found)))
            return
        row = index.row(index.resolve(id))
        whole = full(project, index, row)
    if output is not None or target is not None:
        save_output(invocation, project, row, output or 0, target)
        return
    show(invocation, whole, lambda: log_text.record(whole))


def _filter(wanted: dict[str, Any]) -> Filter:
    now = time.time()
    since, until = wanted.pop("since"), wanted.pop("until")
    try:
        return Filter(
            **wanted,
            since=parse_time(since, now=now) if since else None,
            until=parse_until(until, now=now) if until else None,
        )
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
