"""How a proposed environment is shown, as data and as text."""

from __future__ import annotations

from typing import Any

from trailmark.cli.output import clean, faint, strong, table
from trailmark.environments.period import Outcome, PackageChoice, Proposal

_STATES = {
    "dated": "of that time",
    "later": "later",
    "undated": "newest",
    "source": "source only",
    "absent": "not found",
    "conflict": "does not fit",
}


def proposal_value(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as data for programs."""
    counts = proposal.counts
    return {
        "at": proposal.moment.day.isoformat(),
        "at_from": proposal.moment.source,
        "python": proposal.python,
        "until": proposal.until.isoformat() if proposal.until else None,
        "packages": [_package(one) for one in proposal.packages],
        "versions": dict(sorted(proposal.pins.items())),
        "r": {"packages": list(proposal.r.requirements), "snapshot": proposal.r.snapshot},
        "imports": [_import(one) for one in proposal.outcomes],
        "found": counts.found,
        "mapped": counts.mapped,
        "resolved": counts.resolved,
        "working": counts.working if proposal.is_tried else None,
        "notes": list(proposal.remarks),
    }


def proposal_text(proposal: Proposal, *, brief: bool = False) -> str:
    """Return a proposal for a person: what was chosen, and what fails with its reason and what to do.

    `brief` leaves out the packages and the remarks.
    """
    counts = proposal.counts
    parts = [f"As of {proposal.moment.day} ({proposal.moment.source}), with Python {strong(proposal.python)}"]
    rows = [(strong(one.name), one.version or "", faint(_STATES[one.state])) for one in proposal.packages]
    if rows and not brief:
        parts.append(table(rows, ("PACKAGE", "VERSION", "")))
    works = f", {counts.working} work" if proposal.is_tried else ", not tried (--try)"
    parts.append(
        f"{counts.found} imports: {counts.mapped} have a package, {counts.resolved} a version{works}"
    )
    troubles = proposal.troubles
    if troubles:
        parts.append(
            "\n".join(["These fail:" if proposal.is_tried else "These will fail:", *map(_line, troubles)])
        )
    parts += [faint(clean(note)) for note in proposal.remarks if not brief]
    return "\n\n".join(parts)


def _line(one: Outcome) -> str:
    where = ", ".join(one.imported.files[:2]) + (" …" if len(one.imported.files) > 2 else "")
    name = strong(clean(one.imported.module))
    return f"  {name} ({clean(where)}): {clean(one.reason)}.\n    {clean(one.advice)}"


def _package(one: PackageChoice) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "state": one.state,
        "published_by": one.day.isoformat() if one.day else None,
        "reason": one.reason,
        "advice": one.advice,
    }


def _import(one: Outcome) -> dict[str, Any]:
    imported = one.imported
    return {
        "language": imported.language,
        "import": imported.module,
        "names": list(imported.names),
        "files": list(imported.files),
        "optional": imported.optional,
        "kind": imported.kind,
        "package": imported.package,
        "works": one.works,
        "reason": one.reason,
        "advice": one.advice,
    }
