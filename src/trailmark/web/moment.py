"""Which state of a project an address asks for: now, at a record, or at a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trailmark.activity import load
from trailmark.errors import NotFound
from trailmark.git import Oid
from trailmark.projects.commits import commit_of
from trailmark.projects.project import Project

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
        commit = repository.commit(Oid(at))
        return Moment(at, commit.oid, commit.message.partition("\n")[0], float(commit.time))
    if not (at.isascii() and at.isalnum()):
        raise NotFound(f"“{at}” is neither a record nor a commit of this project.")
    record = load(repository, at).record
    return Moment(at, commit_of(repository, at), record.title, record.started + record.seconds)
