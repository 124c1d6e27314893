"""Working on another branch."""

from __future__ import annotations

from dataclasses import dataclass

from trailmark.errors import NotFound
from trailmark.git import BRANCHES, check_branch_name
from trailmark.git.checkout import Restored
from trailmark.projects.alter import change_branch
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready

_REMOTE = "refs/remotes/origin/"


@dataclass(frozen=True)
class Switched:
    """The branch that is current now, the one that was, and what became of the files."""

    branch: str
    left: str | None
    restored: Restored


def switch_branch(project: Project, name: str, *, actor: str = "person") -> Switched:
    """Make a branch the current one and the files its own. Raises NotFound.

    What was not recorded yet is recorded on the branch that is left. A branch that only the remote has is
    taken over. Switching leaves no record of its own: the branches stay as they are.
    """
    check_branch_name(name)
    with project.trail.lock:
        repository = project.repository
        left = repository.branch()
        if repository.find_ref(BRANCHES + name) is None:
            remote = repository.find_ref(_REMOTE + name)
            if remote is None:
                raise NotFound(
                    f"There is no branch {name}. `trailmark branch list` shows the branches, "
                    f"`trailmark branch new {name}` begins one."
                )
            repository.update_ref(BRANCHES + name, remote, expected=None, reason="trailmark: branch")
        make_ready(project, actor=actor)
        if name == left:
            return Switched(name, left, Restored())
        return Switched(name, left, change_branch(project, name))
