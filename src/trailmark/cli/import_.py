"""`trailmark import`."""

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import clean, confirm, fields, show, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.proposal import proposal_text, proposal_value
from trailmark.cli.verb import verb
from trailmark.environments.period import parse_day
from trailmark.projects.importing import Help, ImportPlan, apply_import, discard_import, plan_import
from trailmark.projects.project import Project


@verb("import")
@click.argument("source")
@click.option("--name", help="What the project is to be called.")
@click.option(
    "-d", "--description", help="What it is about; the first sentence of its README when not given."
)
@click.option("--private", is_flag=True, help="Allow a web address on a private network.")
@click.option("--at", metavar="DAY", help="Choose versions of this day (2016-05-01), not of the last commit.")
@click.option(
    "--try", "tries", is_flag=True, help="Install the packages that it imports elsewhere, and try them."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(
    invocation: Invocation,
    source: str,
    name: str | None,
    description: str | None,
    private: bool,
    at: str | None,
    tries: bool,
    yes: bool,
) -> None:
    """Bring in a folder, a git address, or a file made by `trailmark export`.

    The source is left as it is, and nothing in it is run. What the work seems to need is found in pyproject.toml,
    requirements.txt, environment.yml, or else the imports in its code; at a terminal it is shown before
    it is written down. Where only the imports say it, versions are chosen that existed on the day of the last commit.
    With --try the packages (never the work) are installed in a throw-away folder, and each import is tried.

    \b
    trailmark import ~/old/analysis
    trailmark import https://example.org/group/analysis.git --name rain
    trailmark import weather.trailmark --yes
    """
    settings = invocation.services.settings
    help_with = Help(invocation.services.uv, parse_day(at) if at is not None else None, tries)
    with TerminalProgress() as progress:
        plan = plan_import(
            source, settings, progress, here=invocation.folder, allow_private=private, help_with=help_with
        )
    try:
        _show_plan(plan)
        confirm(f"Import it as {name or plan.name}?", yes=yes, essential=False)
        with TerminalProgress() as progress:
            made = apply_import(
                plan, settings, progress, name=name, description=description, actor=invocation.actor
            )
    finally:
        discard_import(plan)
    value = {"project": made.name, "owner": made.owner, "path": str(made.path)}
    show(invocation, value | _found(plan), lambda: _text(made))


def _found(plan: ImportPlan) -> dict[str, object]:
    request = plan.request
    return {
        "source": plan.shown,
        "python": request.python if request else None,
        "packages": list(request.packages) if request else None,
        "found_in": list(plan.sources),
        "proposal": proposal_value(plan.proposal) if plan.proposal is not None else None,
        "notes": list(plan.notes),
        "records": plan.records,
    }


def _show_plan(plan: ImportPlan) -> None:
    """Tell on standard error what was found."""
    request = plan.request
    history = "the whole trail" if plan.records else "its git history" if plan.commits else "none"
    facts = {
        "from": clean(plan.shown),
        "history": history,
        "about": clean(plan.description),
        "python": request.python if request else "",
        "packages": (", ".join(request.packages) or "none found")
        if request
        else "as its trailmark.toml says",
        "found in": ", ".join(plan.sources),
        "note": "; ".join(map(clean, plan.notes)),
    }
    click.echo(fields(facts), err=True)
    if plan.proposal is not None:
        click.echo("\n" + proposal_text(plan.proposal, brief=True) + "\n", err=True)


def _text(made: Project) -> str:
    return (
        f"{strong(made.name)} is ready in {made.path}\n"
        f"Look at what it needs: trailmark -C {made.name} env\nOpen it: trailmark -C {made.name} launch"
    )
