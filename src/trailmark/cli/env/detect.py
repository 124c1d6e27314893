"""`trailmark env detect`."""

import click

from trailmark.cli.choose import open_chosen, typed
from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.proposal import proposal_text, proposal_value
from trailmark.cli.verb import verb
from trailmark.environments.period import Proposal, parse_day
from trailmark.projects.detect_environment import detect_environment, use_proposal


@verb("detect")
@click.option("--at", metavar="DAY", help="Choose versions of this day (2016-05-01), not of the last commit.")
@click.option("--try", "tries", is_flag=True, help="Install it in a throw-away folder and import each name.")
@click.option("--use", is_flag=True, help="Take it over: ask for it and lock it, as one record.")
def command(invocation: Invocation, at: str | None, tries: bool, use: bool) -> None:
    """Find what the code imports, and propose an environment of its time. Without --use nothing is changed.

    Scripts, notebooks and R Markdown are read, never run. Versions are those that existed on the day of the last
    commit, as far as this machine's Pythons can have them. With --try the packages are installed elsewhere and each
    import runs in a fresh process; what fails is listed with its reason and what to do. With --use the project asks
    for the packages at these versions, besides what it asks for already, and what they need is locked as of that day.

    \b
    trailmark env detect
    trailmark env detect --at 2016-05-01 --try
    trailmark env detect --use
    """
    day = parse_day(at) if at is not None else None
    project, means, actor = open_chosen(invocation), invocation.services.means, invocation.actor
    with TerminalProgress() as progress:
        proposal = detect_environment(project, means.uv, progress, at=day, tries=tries)
    if not use:
        asked = f"{f' --at {at}' if at else ''}{' --try' if tries else ''}"
        using = typed(invocation, project, f"env detect{asked} --use")
        show(invocation, proposal_value(proposal), lambda: _text(proposal, using))
        return
    click.echo(proposal_text(proposal), err=True)
    change_environment(
        invocation,
        lambda project, progress: use_proposal(project, proposal, means, progress, actor=actor),
        {"proposal": proposal_value(proposal)},
    )


def _text(proposal: Proposal, using: str) -> str:
    text = proposal_text(proposal)
    found = proposal.request.packages or proposal.r.requirements
    return f"{text}\n\nTake it over: {using}" if found else text
