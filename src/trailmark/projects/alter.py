"""Changing a project's files on purpose: record first, then make the work tree what the record says.

What a person asks for (going back, renaming a file, another branch) is a tree. The record and its commit are
written first; then the files follow, and if a crash comes between, the next command completes them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from trailmark.activity import Action, Change, Recorded, record, require_quiet, settle, tree_after
from trailmark.activity.store import find_tree
from trailmark.errors import Unavailable
from trailmark.git import Repository, checkout, worktree
from trailmark.git.checkout import CheckoutPlan, Pending, Restored
from trailmark.projects.captured import everywhere
from trailmark.projects.notebooks import canonical
from trailmark.projects.project import Project
from trailmark_capture.files.opened import followed, open_for_writing
from trailmark_capture.journal import new_id

_RECORD = "record "
_BRANCH = "branch "


@dataclass(frozen=True)
class Altered:
    """What was recorded, and what became of the files."""

    recorded: Recorded
    restored: Restored


def alter(project: Project, action: Action, change: Change) -> Altered:
    """Record an action that changes files, and change the files. Sweep first: see `projects.sweep`."""
    with project.trail.lock:
        require_quiet(project.repository)
        finish(project)
        repository = project.repository
        old = repository.tree_of(repository.head())
        new = change.tree or tree_after(repository, old, change)
        action = replace(action, id=action.id or new_id())
        checkout.announce(repository, Pending(old, new, f"{_RECORD}{action.id}"))
        repository.flush()
        recorded = record(project.trail, action, Change(tree=new, over=old))
        return Altered(recorded, _carry_out(project, checkout.plan_checkout(repository, old, new)))


def change_branch(project: Project, branch: str) -> Restored:
    """Make a branch that exists the current one, and the files those of its newest commit. Sweep first."""
    with project.trail.lock:
        require_quiet(project.repository)
        finish(project)
        repository = project.repository
        old = repository.tree_of(repository.head())
        new = repository.tree_of(repository.find_ref(f"refs/heads/{branch}"))
        checkout.announce(repository, Pending(old, new, f"{_BRANCH}refs/heads/{branch}"))
        repository.set_head(branch)
        return _carry_out(project, checkout.plan_checkout(repository, old, new))


def finish(project: Project) -> Restored | None:
    """Complete a change of files that a crash cut short; None when there was nothing to do."""
    repository = project.repository
    if checkout.announced(repository) is None or repository.is_in_operation():
        return None
    with project.trail.lock:
        settle(project.trail)
        pending = checkout.announced(repository)
        if pending is None:
            return None
        if not _has_begun(repository, pending):
            checkout.withdraw(repository)
            return None
        head = repository.tree_of(repository.head())
        plan = checkout.plan_checkout(repository, pending.old, pending.new)
        changes = (
            change for change in plan.changes if repository.find_entry(head, change.path) == change.new
        )
        return _carry_out(project, CheckoutPlan(tuple(changes)))


def keeping_folder(project: Project) -> Path:
    """Return the folder for what is set aside now: what git does not hold and what was in the way."""
    return project.state / "kept" / time.strftime("%Y-%m-%d-%H%M%S")


def _has_begun(repository: Repository, pending: Pending) -> bool:
    """Return whether the step before the files was made: the record written, or the branch chosen."""
    if pending.token.startswith(_RECORD):
        return find_tree(repository, pending.token.removeprefix(_RECORD)) is not None
    return repository.head_ref() == pending.token.removeprefix(_BRANCH)


def _carry_out(project: Project, plan: CheckoutPlan) -> Restored:
    keep = keeping_folder(project)
    programs = [pid for place in everywhere(project.state) for pid in followed(place.files)]
    in_use = open_for_writing(programs, project.path)
    try:
        restored = checkout.apply_checkout(
            project.repository, plan, keep=keep, canonical=canonical, in_use=in_use
        )
    except OSError as error:
        raise Unavailable(
            f"The record is written, but not every file could be put in place ({error}). Nothing is lost. "
            "Mend that (free space, permissions); the next command completes it."
        ) from error
    checkout.withdraw(project.repository)
    worktree.sync_index(project.repository)
    return restored
