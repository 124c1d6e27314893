"""`trailmark env show`."""

from typing import Any

import click

from trailmark.cli.choose import bring_up_to_date, open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, show, strong, table
from trailmark.cli.verb import verb
from trailmark.projects.built import Built, environment_facts, find_built
from trailmark.projects.standing import EnvironmentStanding, ask_for_latest, standing_of


@verb("show")
@click.option("--latest", is_flag=True, help="Ask the indexes of all managers for the newest versions.")
def command(invocation: Invocation, latest: bool) -> None:
    """List what was asked for, what was resolved and what is installed.

    The newest versions of Python's packages are asked for too, at most once an hour.

    \b
    trailmark env show
    trailmark env show --json
    """
    project, services = open_chosen(invocation), invocation.services
    bring_up_to_date(project)
    standing = standing_of(project, services.managers)
    ask_for_latest(project, standing.packages, services.means, all_managers=latest)
    standing = standing_of(project, services.managers)
    find = services.containers_named
    show(
        invocation,
        environment_facts(standing, find),
        lambda: environment_text(standing, find_built(standing, find)),
    )


_WORDS = {
    "requested": "not resolved yet: trailmark env lock",
    "stale": "asked for otherwise since: trailmark env lock",
    "elsewhere": "not for this machine",
    "locked": "not installed here",
    "installed": "",
}


def environment_text(standing: EnvironmentStanding, built: Built) -> str:
    """Return the environment as a person reads it."""
    rows: list[Any] = [
        (
            strong(line.name),
            line.version or "",
            line.requested or "",
            standing.outdated.get((line.manager, line.name), ""),
            line.manager,
            faint(
                ", ".join(
                    filter(None, [_WORDS[line.state], "from the base" if line.origin == "base" else ""])
                )
            ),
        )
        for line in standing.asked
    ]
    heads = ("PACKAGE", "VERSION", "ASKED FOR", "NEWEST", "BY", "")
    parts = [_head(standing), table(rows, heads) if rows else "No package was asked for."]
    if standing.needed:
        names = ", ".join(f"{line.name} {line.version or ''}".strip() for line in standing.needed)
        parts.append(faint(f"They bring {len(standing.needed)} more: {names}"))
    if standing.request.all_snippets:
        parts.append(f"Snippets: {', '.join(one.name for one in standing.request.all_snippets)}")
    if standing.left:
        parts.append(
            "\n".join(
                [
                    "Not made on this machine, but left to its own system:",
                    *(f"  {one}" for one in standing.left),
                ]
            )
        )
    return "\n\n".join([*parts, _foot(standing, built)])


def _head(standing: EnvironmentStanding) -> str:
    base, lines = standing.request.base, [f"Python {standing.request.pip.python}"]
    if base is not None:
        lines.insert(0, f"Base {strong(base.id)} revision {base.revision}: {base.title}")
        if not base.is_pinned:
            lines.insert(
                1, faint(f"Its image ({base.image}) is not named by a digest: what it names may change.")
            )
    if standing.newer:
        lines.append(
            faint(
                f"Revision {standing.newer.revision} of the base can be had: trailmark env base {standing.newer.id}"
            )
        )
    return "\n".join(lines)


def _foot(standing: EnvironmentStanding, built: Built) -> str:
    if standing.digest is None:
        unlocked = faint("Not locked yet: it is when you launch, or with trailmark env lock.")
        return "\n".join([*standing.why, unlocked])
    place = f"{built.place} ({built.engine})" if built.place else built.reason
    lines = [faint(f"Lock {standing.digest[:12]}, {place}")]
    if standing.path and built.engine != "local":
        lines.append(faint(f"On this machine itself, Python's packages alone: {standing.path}"))
    match standing.state:
        case "stale":
            lines += [*standing.why, *([] if standing.problems else ["Lock it anew: trailmark env lock"])]
        case "proved" if standing.proof:
            lines.append(f"Proved on {moment(standing.proof.when)}: a rebuild was equal.")
        case _ if standing.proof:
            lines.append(f"A rebuild on {moment(standing.proof.when)} was not equal: trailmark env verify")
        case _:
            lines.append(faint("Not proved yet: trailmark env verify"))
    return "\n".join(lines)
