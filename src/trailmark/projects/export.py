"""Exporting a project with its whole trail to one file."""

from __future__ import annotations

import hashlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from trailmark.errors import AlreadyExists, InvalidInput, Unavailable
from trailmark.git import BRANCHES, transfer
from trailmark.progress import Progress
from trailmark.projects.archive import SUFFIX, Contents, NotHeld, write_archive
from trailmark.projects.difference import look
from trailmark.projects.held_back import Notices
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready

_EXPORTED = (BRANCHES, "refs/tags/", "refs/trailmark/")


@dataclass(frozen=True)
class Exported:
    """The file that was written, its size, and the files that it lacks because git does not hold them."""

    path: Path
    bytes: int
    not_held: tuple[NotHeld, ...]


def export_project(
    project: Project, target: Path, progress: Progress, *, overwrite: bool = False, actor: str = "person"
) -> Exported:
    """Write a project with its files, branches and whole trail to one file (in `target`, when it is a folder).

    What was not recorded yet is recorded first. Raises AlreadyExists unless it may `overwrite`.
    """
    target = _target(project, target, overwrite=overwrite)
    with project.trail.lock:
        make_ready(project, actor=actor)
        repository = project.repository
        repository.sync_refs()
        not_held = _not_held(project)
        refs = {name: oid for prefix in _EXPORTED for name, oid in repository.refs(prefix).items()}
        try:
            with tempfile.TemporaryDirectory(prefix=".trailmark-", dir=target.parent) as folder:
                bundle = Path(folder) / "bundle"
                progress.step("Collecting the history")
                transfer.write_bundle(repository.git_folder, bundle, progress)
                contents = Contents(
                    name=project.name,
                    description=_description(project),
                    branch=repository.branch(),
                    refs=refs,
                    not_held=not_held,
                    created=time.time(),
                    bundle_digest=_digest(bundle),
                )
                write_archive(target, contents.to_json(), bundle, progress)
        except OSError as error:
            raise Unavailable(
                f"{target} could not be written ({error}). The project is as it was."
            ) from error
    return Exported(target, target.stat().st_size, not_held)


def image_beside(target: Path) -> Path:
    """Return where the image goes that is written with an export."""
    return target.with_name(f"{target.name}.image.tar")


def require_place(project: Project, target: Path, *, overwrite: bool) -> None:
    """Check, before anything is written, that an export and the image beside it can be. Raises as the export does."""
    image = image_beside(_target(project, target, overwrite=overwrite))
    if image.exists() and not overwrite:
        raise AlreadyExists(f"{image} is there already. Nothing was written.")


def _target(project: Project, target: Path, *, overwrite: bool) -> Path:
    if target.is_dir():
        target = target / f"{project.name}{SUFFIX}"
    if not target.parent.is_dir():
        raise InvalidInput(f"There is no folder {target.parent}. Nothing was written.")
    if target.resolve().is_relative_to(project.path):
        raise InvalidInput("The file would lie in the project itself; choose a place outside of it.")
    if target.exists() and not overwrite:
        raise AlreadyExists(f"{target} is there already. Nothing was written.")
    return target


def _not_held(project: Project) -> tuple[NotHeld, ...]:
    digests = Notices(project).digests()
    return tuple(NotHeld(held.path, held.bytes, digests.get(held.path)) for held in look(project).held_back)


def _description(project: Project) -> str:
    try:
        return project.manifest().description
    except InvalidInput:
        return ""


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
