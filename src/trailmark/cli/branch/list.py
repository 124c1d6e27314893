"""`trailmark branch list`."""

from dataclasses import asdict

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, one_line, show, strong, table
from trailmark.cli.verb import verb
from trailmark.projects.branches import Branch, list_branches


@verb("list")
def command(invocation: Invocation) -> None:
    """List the branches, the current one first, with how far they are from it.

    \b
    trailmark branch list
    """
    branches = list_branches(open_chosen(invocation))
    value = [asdict(branch) for branch in branches]
    show(invocation, value, lambda: table([_row(branch) for branch in branches]))


def _row(branch: Branch) -> tuple[str, str, str, str]:
    name = strong(branch.name) if branch.is_current else branch.name
    parts = [(branch.ahead, "ahead"), (branch.behind, "behind")]
    distance = ", ".join(f"{count} {word}" for count, word in parts if count)
    return (
        ("*" if branch.is_current else " ") + " " + name,
        distance,
        moment(branch.time),
        faint(one_line(branch.title)),
    )
