"""Record ids as people type them: the beginning of one is enough."""

from collections.abc import Iterator
from contextlib import contextmanager

from trailmark.activity.index import Index
from trailmark.projects.project import Project

SHORT = 10


def short(record: str) -> str:
    """Return the beginning of an id, which is nearly always enough to name it."""
    return record[:SHORT]


@contextmanager
def open_index(project: Project) -> Iterator[Index]:
    """Open a project's index, brought up to date with its repository."""
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        yield index


def get_id(project: Project, typed: str) -> str:
    """Return the whole id that begins as typed. Raises InvalidInput for several, NotFound for none."""
    with open_index(project) as index:
        return index.resolve(typed)
