"""`trailmark doctor`."""

from dataclasses import asdict

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, strong, table
from trailmark.cli.verb import verb
from trailmark.machine import Ability, abilities


@verb("doctor")
def command(invocation: Invocation) -> int:
    """Say what this machine can do, and what to install for more.

    Exits with 1 when something that Trailmark cannot do without is missing.

    \b
    trailmark doctor
    trailmark doctor --json
    """
    found = abilities(invocation.services.settings)
    ok = all(ability.ok for ability in found if ability.needed)
    show(invocation, {"ok": ok, "abilities": [asdict(each) for each in found]}, lambda: _text(found, ok))
    return 0 if ok else 1


def _text(found: tuple[Ability, ...], ok: bool) -> str:
    rows = [(_mark(each), strong(each.name), each.found, faint(each.purpose)) for each in found]
    lacks = [f"{each.name}: {each.remedy}" for each in found if not each.ok and each.remedy]
    advice = "\n\n" + "\n".join(lacks) if lacks else ""
    verdict = "Trailmark works here." if ok else "Trailmark cannot work here yet."
    return f"{table(rows)}{advice}\n\n{verdict}"


def _mark(ability: Ability) -> str:
    if ability.ok:
        return click.style("yes", fg="green")
    return click.style("no", fg="red") if ability.needed else click.style("less", fg="yellow")
