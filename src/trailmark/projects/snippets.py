"""A project's snippets: adding, changing and removing pieces of a Dockerfile, each change a record."""

from __future__ import annotations

from dataclasses import replace

from trailmark.environments.snippets import Snippet, parse_snippet
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.resolve import Means
from trailmark.errors import NotFound
from trailmark.progress import Progress
from trailmark.projects.environment import whole_request
from trailmark.projects.packages import ask_otherwise
from trailmark.projects.project import Project


def set_snippet(
    project: Project, name: str, text: str, means: Means, progress: Progress, *, actor: str = "person"
) -> WholeLock:
    """Add a snippet, or give it another text. Raises InvalidInput that names the line which may not be."""
    snippet = parse_snippet(name, text)
    request = whole_request(project)
    kept = [one for one in request.snippets if one.name != name]
    title = f"{'Changed' if len(kept) < len(request.snippets) else 'Added'} the snippet {name}"
    return _set(project, title, [*kept, snippet], means, progress, actor)


def remove_snippet(
    project: Project, name: str, means: Means, progress: Progress, *, actor: str = "person"
) -> WholeLock:
    """Remove a snippet of the project's own. Raises NotFound when there is none of that name."""
    request = whole_request(project)
    kept = [one for one in request.snippets if one.name != name]
    if len(kept) == len(request.snippets):
        known = ", ".join(one.name for one in request.snippets) or "none"
        if any(one.name == name for one in request.all_snippets):
            raise NotFound(
                f"The snippet {name} comes with the base, so nothing was changed. One of that name in the project "
                "stands in for it; another base does without it."
            )
        raise NotFound(f"There is no snippet {name}, so nothing was changed. There are: {known}.")
    return _set(project, f"Removed the snippet {name}", kept, means, progress, actor)


def _set(
    project: Project, title: str, snippets: list[Snippet], means: Means, progress: Progress, actor: str
) -> WholeLock:
    request = replace(
        whole_request(project), snippets=tuple(sorted(snippets, key=lambda snippet: snippet.name))
    )
    return ask_otherwise(project, title, request, means, progress, touched=frozenset(), actor=actor)
