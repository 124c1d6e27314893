"""`trailmark doctor`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong, table
from trailmark.cli.verb import verb
from trailmark.engines.machine import Check


@verb("doctor")
def command(invocation: Invocation) -> int:
    """Say what this machine can do, and what to install for more.

    Exits with 1 when something is missing on which daily work depends.

    \b
    trailmark doctor
    trailmark doctor --json
    """
    checks = invocation.services.examine()
    ok = all(check.ok for check in checks if check.needed)
    show(invocation, {"ok": ok, "checks": [asdict(check) for check in checks]}, lambda: _text(checks, ok))
    return 0 if ok else 1


def _text(checks: Sequence[Check], ok: bool) -> str:
    rows = [(_mark(check), strong(check.name), check.detail) for check in checks]
    advice = [f"{check.name}: {check.advice}" for check in checks if not check.ok]
    verdict = "Trailmark works here." if ok else "Trailmark cannot work here yet."
    return "\n\n".join(filter(None, [table(rows), "\n".join(advice), verdict]))


def _mark(check: Check) -> str:
    if check.ok:
        return click.style("yes", fg="green")
    return click.style("no", fg="red") if check.needed else click.style("less", fg="yellow")
