"""How a project's files differ from its last commit, and which of them git shall not hold."""

from __future__ import annotations

from dataclasses import replace

from trailmark.git import present, worktree
from trailmark.git.present import HeldBack
from trailmark.git.worktree import Difference
from trailmark.projects.notebooks import canonical
from trailmark.projects.project import Project
from trailmark.projects.secrets import SecretFinder


def look(project: Project, paths: frozenset[str] | None = None) -> Difference:
    """Compare the project's files with its last commit, everywhere or below `paths`."""
    limit = project.max_file_bytes()
    if paths is None:
        difference = worktree.scan(project.repository, max_bytes=limit, canonical=canonical)
    else:
        difference = worktree.examine(project.repository, paths, max_bytes=limit, canonical=canonical)
    return _without_secrets(project, difference, limit)


def _without_secrets(project: Project, difference: Difference, limit: int) -> Difference:
    """Hold back the files in which a secret stands: git never forgets."""
    finder = SecretFinder(project)
    if not finder:
        return difference
    repository = project.repository
    tree = repository.tree_of(repository.head())
    held: dict[str, HeldBack] = {}
    for path in difference.put:
        found = present.read(project.path, path, max_bytes=limit)
        if isinstance(found, present.Found) and finder.find_in(found.data):
            held[path] = HeldBack(path, len(found.data), "secret")
    left = tuple(path for path in held if repository.find_entry(tree, path) is not None)
    return replace(
        difference,
        put=tuple(path for path in difference.put if path not in held),
        removed=difference.removed + left,
        held_back=difference.held_back + tuple(held.values()),
    )
