"""A project that is open: where it lies, its trail, and where its state is kept."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from trailmark.activity import ProjectLock, Trail
from trailmark.errors import InvalidInput, NotFound
from trailmark.git import LINK, Repository, present
from trailmark.projects.manifest import FILE_NAME, Manifest, find_line, parse_manifest
from trailmark.projects.state import named_state, state_for
from trailmark.settings import Settings

_LONGEST_MANIFEST = 1_000_000
_REPAIR = (
    f"Mend it, or go back: `trailmark log --file {FILE_NAME}` lists its versions, and `trailmark rollback ID` makes "
    "the files what they were. Nothing was changed, and recording goes on."
)


@dataclass
class Project:
    """One project, opened by one thread."""

    path: Path
    owner: str
    name: str
    state: Path
    trail: Trail
    settings: Settings

    @property
    def repository(self) -> Repository:
        """The project's git repository."""
        return self.trail.repository

    @property
    def manifest_path(self) -> Path:
        """Where `trailmark.toml` lies."""
        return self.path / FILE_NAME

    def manifest(self) -> Manifest:
        """Read `trailmark.toml` as it is now. Raises InvalidInput that says what is wrong and how to mend it."""
        text = self.manifest_text()
        try:
            return parse_manifest(text, default_name=self.name)
        except InvalidInput as error:
            line = find_line(text, error)
            place = f" It is in line {line}." if line else ""
            raise InvalidInput(f"{error}{place} {_REPAIR}") from error

    def manifest_text(self) -> str:
        """Return `trailmark.toml` as it is now. Raises InvalidInput when there is none, or no text."""
        text = self.read_text(FILE_NAME, _LONGEST_MANIFEST)
        if text is None:
            raise InvalidInput(
                f"{FILE_NAME} is missing. To begin it anew, put an empty file of that name in {self.path}; or go "
                f"back: `trailmark log --file {FILE_NAME}` lists its versions, and `trailmark rollback ID` makes the "
                "files what they were. Nothing was changed, and recording goes on."
            )
        return text

    def read_text(self, path: str, longest: int) -> str | None:
        """Return a text file of the project, None when there is none. No link is followed.

        Raises InvalidInput for what is no ordinary file, no UTF-8 or longer than `longest` bytes.
        """
        found = present.read(self.path, path, max_bytes=longest)
        if found is None:
            return None
        if isinstance(found, present.Found) and found.mode != LINK:
            with contextlib.suppress(UnicodeDecodeError):
                return found.data.decode()
        raise InvalidInput(
            f"{path} is no ordinary text file in UTF-8 of at most {longest:,} bytes. Nothing was changed; put a "
            f"version of it in place that works, or go back: `trailmark log --file {path}` lists its versions."
        )

    def max_file_bytes(self) -> int:
        """How large a file may be for git to hold it; the setting's value while the manifest is broken."""
        try:
            chosen = self.manifest().max_file_bytes
        except InvalidInput:
            chosen = None
        return chosen or self.settings.max_file_bytes


def is_project(path: Path) -> bool:
    """Return whether a folder is a project: a repository with a manifest, or one that Trailmark has worked in."""
    git = path / ".git"
    return git.exists() and (os.path.lexists(path / FILE_NAME) or named_state(git) is not None)


def manifest_problem(project: Project) -> str | None:
    """Return what is wrong with a project's manifest and how to mend it, None when it can be read."""
    try:
        project.manifest()
    except InvalidInput as error:
        return str(error)
    return None


def open_project(path: Path, settings: Settings) -> Project:
    """Open the project that lies at `path`. Raises NotFound when there is none."""
    real = path.resolve()
    if not is_project(real):
        raise NotFound(
            f"There is no Trailmark project in {path}. `trailmark list` shows the projects, "
            "`trailmark new NAME` makes one, and `trailmark import` takes in what exists."
        )
    repository = Repository.open(real)
    state = state_for(real, repository.git_folder, settings)
    return Project(
        path=real,
        owner=real.parent.name,
        name=real.name,
        state=state,
        trail=Trail(repository, ProjectLock(state / "lock"), settings.device, settings.person),
        settings=settings,
    )
