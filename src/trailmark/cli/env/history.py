"""`trailmark env history`."""

from dataclasses import asdict, replace
from typing import Any

import click

from trailmark.cli.choose import bring_up_to_date, open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, one_line, show, strong
from trailmark.cli.record_id import open_index, short
from trailmark.cli.verb import verb
from trailmark.projects.environment_history import EnvironmentChange, environment_history

_MOST_LINES = 12


@verb("history")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many changes."
)
@click.option("--before", metavar="ID", help="Older than this record: the next page.")
def command(invocation: Invocation, limit: int, before: str | None) -> None:
    """List how the environment came to be, the newest change first, each with what it changed.

    Go back to any of them with `trailmark env restore ID`.

    \b
    trailmark env history
    trailmark env history --limit 50 --json
    """
    project, managers = open_chosen(invocation), invocation.services.managers
    bring_up_to_date(project)
    with open_index(project) as index:
        start = index.resolve(before) if before else None
        found = environment_history(project, index, managers, before=start, limit=limit)
    value = {"changes": [_data(change) for change in found.changes], "older": found.older}
    show(invocation, value, lambda: _text(found.changes, found.older))


def _data(change: EnvironmentChange) -> dict[str, Any]:
    row, difference = change.row, change.difference
    return {
        "id": change.id,
        "kind": row.kind if row else None,
        "title": change.title,
        "started": change.at,
        "author": row.author if row else None,
        "actor": row.actor if row else None,
        "commit": row.commit if row else change.id,
        "digest": change.after.digest,
        "current": change.is_current,
        "problem": change.after.problem,
        "packages": [asdict(one) for one in difference.packages],
        "facts": [asdict(one) for one in difference.facts],
        "snippets": [asdict(one) for one in difference.snippets],
        "changes": difference.lines(),
    }


def _text(changes: tuple[EnvironmentChange, ...], older: str | None) -> str:
    if not changes:
        return "The environment has never been changed."
    parts = [_paragraph(change) for change in changes]
    if older:
        parts.append(faint(f"Older ones: trailmark env history --before {short(older)}"))
    return "\n\n".join(parts)


def _paragraph(change: EnvironmentChange) -> str:
    head = f"{short(change.id)}  {moment(change.at)}  {strong(one_line(change.title))}"
    lines = [f"{head}{faint('  now') if change.is_current else ''}"]
    asked, needed = change.difference.asked, change.difference.needed
    told = replace(change.difference, packages=asked).lines()
    lines += [f"  {one_line(line, 100)}" for line in told[:_MOST_LINES]]
    more = len(told[_MOST_LINES:]) + len(needed)
    if more:
        lines.append(faint(f"  and {more} more, which --json lists"))
    return "\n".join(lines)
