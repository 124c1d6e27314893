"""What the first page says of each project, remembered until the project changes.

The newest commit is read at once; a size needs a walk over all files, so it is found in the background and
told to open pages with the event `files`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trailmark.activity.store import trailers_of
from trailmark.errors import TrailmarkError
from trailmark.projects.listing import iter_project_paths
from trailmark.projects.manifest import FILE_NAME
from trailmark.projects.project import Project, manifest_problem, open_project
from trailmark.settings import Settings
from trailmark.web.watch import Mark, file_mark, records_mark


@dataclass(frozen=True)
class Summary:
    """One project in a few words. `problem` says what is wrong with it."""

    path: Path
    owner: str
    name: str
    description: str = ""
    last_title: str | None = None
    last_kind: str | None = None
    last_at: float | None = None
    problem: str | None = None


class Summaries:
    """Summaries and sizes of the projects in the projects folder. `sized` is called when sizes became known."""

    def __init__(self, settings: Settings, sized: Callable[[], None]) -> None:
        self._settings = settings
        self._sized = sized
        self._known: dict[Path, tuple[Mark, Summary]] = {}
        self._sizes: dict[Path, tuple[Mark, int]] = {}
        self._lock = threading.Lock()
        self._measuring = False

    def all(self) -> list[tuple[Summary, int | None]]:
        """Return every project with its size; None for one whose size is being found."""
        marks = {path: _mark(path) for path in iter_project_paths(self._settings)}
        found = [(self._summary(path, mark), self._size(path, mark)) for path, mark in marks.items()]
        if any(size is None for _, size in found):
            self._measure({path: mark for path, mark in marks.items() if self._size(path, mark) is None})
        return found

    def size(self, project: Path) -> int | None:
        """Return the size of one project in bytes, None while it is being found."""
        mark = _mark(project)
        size = self._size(project, mark)
        if size is None:
            self._measure({project: mark})
        return size

    def _summary(self, path: Path, mark: Mark) -> Summary:
        known = self._known.get(path)
        if known is not None and known[0] == mark:
            return known[1]
        summary = _look(path, self._settings)
        self._known[path] = (mark, summary)
        return summary

    def _size(self, path: Path, mark: Mark) -> int | None:
        known = self._sizes.get(path)
        return known[1] if known is not None and known[0] == mark else None

    def _measure(self, wanted: dict[Path, Mark]) -> None:
        with self._lock:
            if self._measuring:
                return
            self._measuring = True
        threading.Thread(
            target=self._measure_all, args=(wanted,), name="measure projects", daemon=True
        ).start()

    def _measure_all(self, wanted: dict[Path, Mark]) -> None:
        try:
            for path, mark in wanted.items():
                self._sizes[path] = (mark, size_of(path))
        finally:
            with self._lock:
                self._measuring = False
        self._sized()


def size_of(folder: Path) -> int:
    """Return how many bytes a folder's files take, its history included."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


def _look(path: Path, settings: Settings) -> Summary:
    owner, name = path.parent.name, path.name
    try:
        project = open_project(path, settings)
        return _summary_of(project)
    except TrailmarkError as error:
        return Summary(path, owner, name, problem=str(error))


def _summary_of(project: Project) -> Summary:
    problem = manifest_problem(project)
    description = "" if problem else project.manifest().description
    head = project.repository.head()
    if head is None:
        return Summary(project.path, project.owner, project.name, description, problem=problem)
    commit = project.repository.commit(head)
    return Summary(
        path=project.path,
        owner=project.owner,
        name=project.name,
        description=description,
        last_title=commit.message.partition("\n")[0],
        last_kind=trailers_of(commit.message).get("kind", "outside"),
        last_at=float(commit.time),
        problem=problem,
    )


def _mark(path: Path) -> Mark:
    return (*records_mark(path), *file_mark(path / FILE_NAME))
