"""What the code of a project imports, the environment of its time that would give that, and taking it over."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

from trailmark.environments import edit
from trailmark.environments.detect import Detected, FolderText, detect_imports
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.period import Moment, Proposal, propose, try_out
from trailmark.environments.period.propose import is_recent, machine_here, with_lock
from trailmark.environments.period.r import notes_about_r, try_r, wanted_of_r
from trailmark.environments.uv import Uv
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import Means
from trailmark.errors import InvalidInput
from trailmark.progress import Progress
from trailmark.projects.moment import moment_of
from trailmark.projects.packages import ask_otherwise
from trailmark.projects.project import Project
from trailmark.projects.relock import Relocked
from trailmark.projects.take_in import with_wanted


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
    proposal = propose_for(detected, moment, uv, progress, tries=tries)
    r = wanted_of_r(detected.r, moment, recent=is_recent(moment, today))
    notes = (*detected.notes, *proposal.notes, *notes_about_r(r, moment))
    return replace(proposal, r=r, notes=notes)


def propose_for(
    detected: Detected, moment: Moment, uv: Uv, progress: Progress, *, tries: bool, locked: bool = False
) -> Proposal:
    """Return what is proposed for code as of a moment, tried in a throw-away folder if that is wanted.

    `locked` gives it a lock of its versions. Raises Unavailable when the package index cannot be asked.
    """
    machine = machine_here(uv)
    proposal = propose(detected, moment, machine, progress)
    if tries:
        proposal = try_out(proposal, machine, progress)
        rscript = shutil.which("Rscript", path=uv.environ.get("PATH"))
        proposal = replace(proposal, outcomes=try_r(proposal.outcomes, rscript, uv.environ, progress))
    return with_lock(proposal, machine, progress) if locked else proposal


def use_proposal(
    project: Project, proposal: Proposal, means: Means, progress: Progress, *, actor: str = "person"
) -> Relocked:
    """Ask for what was proposed, and lock it at the versions of its time, those included that nobody asked for.

    What was asked for besides stays. It is one record. Raises InvalidInput when nothing was proposed.
    """
    if not proposal.request.packages and not proposal.r.requirements:
        raise InvalidInput("The code imports nothing that a package gives, so nothing was changed.")
    if proposal.lock is None:
        proposal = with_lock(proposal, machine_here(means.uv), progress)
    touched = {"pip"} if proposal.request.packages else set()
    touched |= {"r"} if proposal.r.requirements else set()

    def ask(request: WholeRequest) -> WholeRequest:
        if "pip" in touched:
            pip = EnvironmentRequest(proposal.request.python, request.pip.packages)
            request = replace(request, pip=edit.replace_all(pip, proposal.request.packages))
        return with_wanted(request, "r", proposal.r, means.managers) if "r" in touched else request

    return ask_otherwise(
        project,
        f"Took over what the code imports, as of {proposal.moment.day}",
        ask,
        means,
        progress,
        touched=frozenset(touched),
        hold={"pip": proposal.lock.text} if proposal.lock else {},
        actor=actor,
    )
