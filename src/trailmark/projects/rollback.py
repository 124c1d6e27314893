"""Going back: the files become what they were at a record. The present stays in the trail."""

from __future__ import annotations

from trailmark.activity import Action, Change, load
from trailmark.projects.alter import Altered, alter
from trailmark.projects.commits import commit_of, file_refs
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready

_LONGEST_TITLE = 80


def go_back(project: Project, record: str, *, actor: str = "person") -> Altered:
    """Make the files those of the commit of a record, and record that. Raises NotFound.

    What was not recorded yet is recorded first. Files that git does not hold stay where they are; one that
    is in the way is set aside, and the answer says where.
    """
    with project.trail.lock:
        repository = project.repository
        commit = commit_of(repository, record)
        target = repository.tree_of(commit)
        title = load(repository, record).record.title
        make_ready(project, actor=actor)
        changes = repository.diff(repository.tree_of(repository.head()), target)
        action = Action(
            "rollback",
            f"Went back to “{_shortened(title)}”",
            actor=actor,
            tool="trailmark",
            writes=file_refs(repository, changes),
            deletes=tuple(change.path for change in changes if change.new is None),
            detail={"to": record, "commit": commit},
        )
        return alter(project, action, Change(tree=target))


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
