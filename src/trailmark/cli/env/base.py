"""`trailmark env base`."""

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import fields, show
from trailmark.cli.verb import verb
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.projects.base import change_base
from trailmark.projects.standing import standing_facts, standing_of


@verb("base")
@click.argument("base_id", metavar="[ID]", required=False)
@click.option("--none", "without", is_flag=True, help="Go on without a base.")
def command(invocation: Invocation, base_id: str | None, without: bool) -> None:
    """Show the base of a project's environment, or start from another one.

    The packages that you asked for stay; those that the base brought go with it. Naming the same base again moves to
    its newest revision. `trailmark bases` lists what there is.

    \b
    trailmark env base
    trailmark env base r-tidyverse
    """
    if base_id and without:
        raise click.UsageError("Name a base, or say --none.")
    if not base_id and not without:
        _show(invocation)
        return
    settings, means, actor = invocation.services.settings, invocation.services.means, invocation.actor
    base = load_catalogue(settings.home, settings.bases).get(base_id) if base_id else None
    change_environment(
        invocation, lambda project, progress: change_base(project, base, means, progress, actor=actor)
    )


def _show(invocation: Invocation) -> None:
    standing = standing_of(open_chosen(invocation), invocation.services.managers)
    facts = standing_facts(standing)
    detail = facts["base_detail"]
    value = {"base": facts["base"], "base_detail": detail}
    if detail is None:
        why = "\n".join(standing.problems) or "This project has no base. Choose one: trailmark bases"
        show(invocation, value, lambda: why)
        return
    lines = {
        "base": f"{detail['id']}, revision {detail['revision']}",
        "what": detail["title"],
        "image": detail["image"] + (f" {detail['digest'][:19]}…" if detail["digest"] else ", not pinned"),
        "languages": ", ".join(f"{name} {version}" for name, version in detail["languages"].items()),
        "tools": ", ".join(detail["tools"]),
        "newer": f"revision {detail['newer']}: trailmark env base {detail['id']}" if detail["newer"] else "",
    }
    show(invocation, value, lambda: fields(lines))
