"""`trailmark verify`."""

from dataclasses import asdict

import click

from trailmark.activity.verify import Verdict, verify
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import clean, show, table
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb


@verb("verify")
def command(invocation: Invocation) -> int:
    """Check that no record was altered or lost: every record, its outputs, its commit, every object.

    A damaged project is only read: nothing is recorded first. Exits with 1 when something is wrong, and names
    it. What cannot be seen without a copy elsewhere is that the newest commits and their records were cut off
    together.

    \b
    trailmark verify
    trailmark -C weather verify --json
    """
    project = open_chosen(invocation)
    with TerminalProgress() as progress:
        verdict = verify(project.repository, progress)
    value = {
        "ok": verdict.ok,
        "records": verdict.records,
        "problems": [asdict(each) for each in verdict.problems],
    }
    show(invocation, value, lambda: _text(verdict))
    return 0 if verdict.ok else 1


def _text(verdict: Verdict) -> str:
    if verdict.ok:
        return f"{click.style('All is well.', fg='green')} {verdict.records} records, none altered, none missing."
    rows = [(each.record or "", clean(each.what)) for each in verdict.problems]
    count = "1 problem" if len(rows) == 1 else f"{len(rows)} problems"
    return f"{table(rows)}\n\n{click.style(count, fg='red')} in {verdict.records} records."
