"""What an import proposes for work that does not say what it needs: an environment of its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from trailmark.environments.detect import Detected
from trailmark.environments.managers.model import Wanted
from trailmark.environments.period import Moment, Proposal
from trailmark.environments.period.propose import is_recent
from trailmark.environments.period.r import notes_about_r, wanted_of_r
from trailmark.environments.uv import Uv
from trailmark.errors import Unavailable
from trailmark.git import Repository
from trailmark.progress import Progress
from trailmark.projects.detect_environment import propose_for
from trailmark.projects.moment import moment_of


@dataclass(frozen=True)
class Help:
    """How versions are chosen: with which uv, as of which day (None: of the work's), and whether they are tried."""

    uv: Uv
    at: date | None = None
    tries: bool = False


@dataclass(frozen=True)
class Helped:
    """What came of it: the proposal for Python (None where its files declare one), other managers, and remarks."""

    proposal: Proposal | None
    others: Mapping[str, Wanted]
    notes: tuple[str, ...]


def help_import(
    detected: Detected, repository: Repository, folder: Path, wanted: Help, progress: Progress
) -> Helped:
    """Propose an environment of the work's time, for what its files do not declare.

    Nothing is run unless a trial was asked for; then the packages are, never the work. A package index that
    cannot be asked is a remark, no failure.
    """
    today = date.today()
    files = {path for one in detected.code.imports for path in one.files}
    moment = moment_of(repository, folder, files, at=wanted.at, today=today)
    recent = is_recent(moment, today)
    r = wanted_of_r(detected.r, moment, recent=recent)
    notes = list(notes_about_r(r, moment))
    proposal = None
    if detected.is_guessed and detected.code.packages("python") and (wanted.tries or not recent):
        proposal = _proposed(detected, moment, wanted, progress, notes)
        notes[:0] = proposal.remarks if proposal is not None else ()
    others = {**({"r": r} if r.requirements else {}), **detected.beyond.wanted}
    return Helped(proposal, others, tuple(notes))


def _proposed(
    detected: Detected, moment: Moment, wanted: Help, progress: Progress, notes: list[str]
) -> Proposal | None:
    try:
        return propose_for(detected, moment, wanted.uv, progress, tries=wanted.tries, locked=True)
    except Unavailable as error:
        notes.append(f"versions of {moment.day} ({moment.source}) were not chosen: {error}")
        return None
