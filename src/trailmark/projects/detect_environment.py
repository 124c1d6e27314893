"""What the code of a project imports, and the environment of its time that would give that."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

from trailmark.environments.detect import FolderText, detect_imports
from trailmark.environments.period import Proposal, propose, try_out
from trailmark.environments.period.propose import is_recent, machine_here
from trailmark.environments.period.r import notes_about_r, try_r, wanted_of_r
from trailmark.environments.uv import Uv
from trailmark.progress import Progress
from trailmark.projects.moment import moment_of
from trailmark.projects.project import Project


def detect_environment(
    project: Project, uv: Uv, progress: Progress, *, at: date | None = None, tries: bool = False
) -> Proposal:
    """Return what is proposed for the project's code as of a day (None: of its last commit that was not Trailmark's).

    Nothing in the project is changed. With `tries` the packages are installed in a throw-away folder and each
    import is tried. Raises Unavailable when the package index cannot be asked.
    """
    progress.step("Reading the code")
    detected = detect_imports(FolderText(project.path))
    files = {path for one in detected.code.imports for path in one.files}
    today = date.today()
    moment = moment_of(project.repository, project.path, files, at=at, today=today)
    machine = machine_here(uv)
    proposal = propose(detected, moment, machine, progress)
    if tries:
        proposal = try_out(proposal, machine, progress)
        rscript = shutil.which("Rscript", path=uv.environ.get("PATH"))
        proposal = replace(proposal, outcomes=try_r(proposal.outcomes, rscript, uv.environ, progress))
    r = wanted_of_r(detected.r, moment, recent=is_recent(moment, today))
    notes = (*detected.notes, *proposal.notes, *notes_about_r(r, moment))
    return replace(proposal, r=r, notes=notes)
