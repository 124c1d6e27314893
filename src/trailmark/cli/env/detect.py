"""`trailmark env detect`."""

import click

from trailmark.cli.choose import open_chosen, typed
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.proposal import proposal_text, proposal_value
from trailmark.cli.verb import verb
from trailmark.environments.period import Proposal, parse_day
from trailmark.projects.detect_environment import detect_environment


@verb("detect")
@click.option("--at", metavar="DAY", help="Choose versions of this day (2016-05-01), not of the last commit.")
@click.option("--try", "tries", is_flag=True, help="Install it in a throw-away folder and import each name.")
def command(invocation: Invocation, at: str | None, tries: bool) -> None:
    """Find what the code imports, and propose an environment of its time. Nothing in the project is changed.

    Scripts, notebooks and R Markdown are read, never run. Versions are those that existed on the day of the last
    commit, as far as this machine's Pythons can have them. With --try the packages are installed elsewhere and each
    import runs in a fresh process; what fails is listed with its reason and what to do.

    \b
    trailmark env detect
    trailmark env detect --at 2016-05-01 --try
    """
    day = parse_day(at) if at is not None else None
    project = open_chosen(invocation)
    with TerminalProgress() as progress:
        proposal = detect_environment(project, invocation.services.uv, progress, at=day, tries=tries)
    adding = typed(invocation, project, "env add")
    show(invocation, proposal_value(proposal), lambda: _text(proposal, adding))


def _text(proposal: Proposal, adding: str) -> str:
    text = proposal_text(proposal)
    asked = proposal.request.packages
    if not asked:
        return text
    taken = f'set python = "{proposal.request.python}" in trailmark.toml, then: {adding} {" ".join(asked)}'
    return f"{text}\n\nTo take it over, {taken}"
