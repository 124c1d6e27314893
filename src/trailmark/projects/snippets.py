"""A project's snippets: adding, changing and removing pieces of a Dockerfile, each change a record."""

from __future__ import annotations

from trailmark.environments.snippets import ENDING, FOLDER, Snippet, parse_snippet
from trailmark.environments.whole.resolve import Means
from trailmark.errors import NotFound, Unavailable
from trailmark.progress import Progress
from trailmark.projects.environment import chosen_base, readable_request, readable_snippets, request_with
from trailmark.projects.project import Project
from trailmark.projects.relock import Alteration, Relocked, relock


def set_snippet(
    project: Project, name: str, text: str, means: Means, progress: Progress, *, actor: str = "person"
) -> Relocked:
    """Add a snippet, or give it another text. Raises InvalidInput that names the line which may not be."""
    snippet = parse_snippet(name, text)

    def plan() -> Alteration:
        own, broken = readable_snippets(project)
        verb = "Changed" if name in {one.name for one in own} | broken.keys() else "Added"
        return _alteration(project, f"{verb} the snippet {name}", (*own, snippet), name)

    return relock(project, plan, means, progress, actor, tolerate=(Unavailable,))


def remove_snippet(
    project: Project, name: str, means: Means, progress: Progress, *, actor: str = "person"
) -> Relocked:
    """Remove a snippet of the project's own, also one that may not be used. Raises NotFound when there is none."""

    def plan() -> Alteration:
        own, broken = readable_snippets(project)
        names = {one.name for one in own} | broken.keys()
        if name not in names:
            request, _ = readable_request(project)
            raise _not_there(name, any(one.name == name for one in request.all_snippets), names)
        kept = tuple(one for one in own if one.name != name)
        return _alteration(project, f"Removed the snippet {name}", kept, name)

    return relock(project, plan, means, progress, actor, tolerate=(Unavailable,))


def _alteration(project: Project, title: str, snippets: tuple[Snippet, ...], name: str) -> Alteration:
    """Return what becomes of an environment with these snippets: the last one of a name counts."""
    chosen = {one.name: one for one in snippets}
    own = tuple(chosen[each] for each in sorted(chosen))
    request = request_with(project, chosen_base(project), own)
    return Alteration(title, request, frozenset(), remove=frozenset({f"{FOLDER}/{name}{ENDING}"}))


def _not_there(name: str, is_of_base: bool, names: set[str]) -> NotFound:
    if is_of_base:
        return NotFound(
            f"The snippet {name} comes with the base, so nothing was changed. One of that name in the project "
            "stands in for it; another base does without it."
        )
    known = ", ".join(sorted(names)) or "none"
    return NotFound(f"There is no snippet {name}, so nothing was changed. There are: {known}.")
