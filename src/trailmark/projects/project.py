"""A project that is open: where it lies, its trail, and where its state is kept."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from trailmark.activity import ProjectLock, Trail
from trailmark.errors import InvalidInput, NotFound
from trailmark.git import LINK, Repository, present
from trailmark.projects.manifest import FILE_NAME, Manifest, parse_manifest
from trailmark.projects.state import state_for
from trailmark.settings import Settings

_LONGEST_MANIFEST = 1_000_000


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
        """Read `trailmark.toml` as it is now. Raises InvalidInput when it cannot be understood."""
        return parse_manifest(self.manifest_text(), default_name=self.name)

    def manifest_text(self) -> str:
        """Return `trailmark.toml` as it is now, empty when there is none. Raises InvalidInput for what is no text."""
        return self.read_text(FILE_NAME, _LONGEST_MANIFEST) or ""

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
            f"{path} is no ordinary text file in UTF-8 of at most {longest:,} bytes. Nothing was changed; "
            "put a version of it in place that works."
        )

    def max_file_bytes(self) -> int:
        """How large a file may be for git to hold it; the setting's value while the manifest is broken."""
        try:
            chosen = self.manifest().max_file_bytes
        except InvalidInput:
            chosen = None
        return chosen or self.settings.max_file_bytes


def open_project(path: Path, settings: Settings) -> Project:
    """Open the project that lies at `path`. Raises NotFound when there is none."""
    real = path.resolve()
    if not (real / ".git").exists() or not (real / FILE_NAME).exists():
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
