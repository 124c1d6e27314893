"""Which state of a project an address asks for: now, at a record, or at a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trailmark.errors import NotFound
from trailmark.git import Oid
from trailmark.projects.commits import commit_of
from trailmark.projects.project import Project
from trailmark.web.trail import fresh_index

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Moment:
    """A state that was: the commit that holds it, and how it is called."""

    at: str
    commit: Oid
    title: str
    time: float


def find_moment(project: Project, at: str | None) -> Moment | None:
    """Return the state that `at` (a record's or a commit's id) names, None for now. Raises NotFound."""
    if not at:
        return None
    repository = project.repository
    if _COMMIT.fullmatch(at):
        found = repository.commit(Oid(at))
        return Moment(at, found.oid, found.message.partition("\n")[0], float(found.time))
    if not (at.isascii() and at.isalnum()):
        raise NotFound(f"“{at}” is neither a record nor a commit of this project.")
    with fresh_index(project) as index:
        row = index.row(at)
    commit = Oid(row.commit) if row.commit and repository.has(Oid(row.commit)) else commit_of(repository, at)
    return Moment(at, commit, row.title, row.started + row.seconds)
