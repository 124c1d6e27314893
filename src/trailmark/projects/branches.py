"""The branches of a project: what there is, and beginning or ending one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trailmark.activity import Action, Recorded, record, require_quiet
from trailmark.activity.store import trailers_of
from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.git import BRANCHES, Oid, Repository, check_branch_name
from trailmark.projects.commits import commit_of
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready

DELETED = "refs/trailmark/deleted/"


@dataclass(frozen=True)
class Branch:
    """One branch. `ahead` and `behind` count commits against the current branch.

    `time`, `title` and `kind` are those of its newest commit; without a record that is of the kind `outside`.
    """

    name: str
    commit: Oid
    is_current: bool
    ahead: int
    behind: int
    time: int
    title: str
    kind: str


def list_branches(project: Project) -> list[Branch]:
    """Return the branches, the current one first, then those with the newest activity."""
    repository = project.repository
    current, head = repository.branch(), repository.head()
    branches = []
    for ref, tip in repository.refs(BRANCHES).items():
        name = ref.removeprefix(BRANCHES)
        commit = repository.commit(tip)
        ahead, behind = repository.ahead_behind(tip, head) if head else (0, 0)
        title = commit.message.partition("\n")[0]
        kind = trailers_of(commit.message).get("kind", "outside")
        branches.append(Branch(name, tip, name == current, ahead, behind, commit.time, title, kind))
    return sorted(branches, key=lambda branch: (not branch.is_current, -branch.time, branch.name))


def new_branch(project: Project, name: str, *, start: str | None = None, actor: str = "person") -> Recorded:
    """Begin a branch at the present state, or at that of the record `start`. The files are left as they are.

    The branch's first commit is the record of its beginning. Raises AlreadyExists, InvalidInput, NotFound.
    """
    check_branch_name(name)
    with project.trail.lock:
        repository = project.repository
        _require_free(repository, name)
        origin = commit_of(repository, start) if start else None
        make_ready(project, actor=actor)
        origin = origin or repository.head()
        if origin is None:
            raise NotFound("The project has no commit yet to begin a branch from.")
        repository.update_ref(BRANCHES + name, origin, expected=None, reason="trailmark: branch")
        action = Action(
            "branch",
            f"Began the branch {name}",
            actor=actor,
            tool="trailmark",
            detail={"branch": name, "from": start, "commit": origin, "left": repository.branch()},
        )
        there = replace(project.trail, repository=_OnBranch(repository, name))
        return record(there, action)


def delete_branch(project: Project, name: str, *, actor: str = "person") -> Recorded:
    """End a branch that is not the current one. Its commits and records are kept under a ref of their own."""
    with project.trail.lock:
        repository = project.repository
        require_quiet(repository)
        tip = repository.find_ref(BRANCHES + check_branch_name(name))
        if tip is None:
            raise NotFound(f"There is no branch {name}. `trailmark branch list` shows them.")
        if name == repository.branch():
            raise InvalidInput(f"{name} is the current branch. Switch to another one first.")
        kept = f"{DELETED}{name}-{tip[:10]}"
        if repository.find_ref(kept) is None:
            repository.update_ref(kept, tip, expected=None, reason="trailmark: branch")
        repository.delete_ref(BRANCHES + name)
        detail = {"branch": name, "commit": tip, "kept": kept}
        action = Action("branch", f"Ended the branch {name}", actor=actor, tool="trailmark", detail=detail)
        return record(project.trail, action)


def _require_free(repository: Repository, name: str) -> None:
    """Raise AlreadyExists when the name is taken, or is the folder of a branch's name, or lies in one."""
    for ref in repository.refs(BRANCHES):
        other = ref.removeprefix(BRANCHES)
        if other.lower() == name.lower():
            raise AlreadyExists(f"There is a branch {other} already. Choose another name, or switch to it.")
        if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
            raise AlreadyExists(
                f"Git cannot hold the branch {name} beside {other}. Choose a name that does not begin the other."
            )


class _OnBranch(Repository):
    """The repository with another branch taken for the current one; HEAD is left as it is."""

    def __init__(self, repository: Repository, branch: str) -> None:
        super().__init__(repository.raw)
        self._branch_ref = BRANCHES + branch

    def head_ref(self) -> str:
        """Return the branch's ref."""
        return self._branch_ref
