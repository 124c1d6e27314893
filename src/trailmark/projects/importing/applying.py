"""Applying an import: the project is built in a private folder, recorded, and put in its place whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trailmark.activity import Action, record
from trailmark.durable import sync_file_system, write_file
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.whole.asked import render_asked
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import asked_of
from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.git import LINK, TreeChange, checkout, present, worktree
from trailmark.git.checkout import CheckoutPlan
from trailmark.progress import Progress
from trailmark.projects.copy import REBUILDABLE, copy_files
from trailmark.projects.environment import ASKED_PATH, LOCK_PATH, facts_of
from trailmark.projects.importing.planning import ImportPlan
from trailmark.projects.importing.source import Folder
from trailmark.projects.manifest import (
    FILE_NAME,
    Manifest,
    edit_manifest,
    parse_manifest,
    render_manifest,
)
from trailmark.projects.moves import carry_out
from trailmark.projects.new import IGNORED, place_for, trail_of_building
from trailmark.projects.project import Project, open_project
from trailmark.projects.sweep import sweep
from trailmark.settings import Settings


def apply_import(
    plan: ImportPlan,
    settings: Settings,
    progress: Progress,
    *,
    name: str | None = None,
    description: str | None = None,
    request: EnvironmentRequest | None = None,
    actor: str = "person",
) -> Project:
    """Make the project that a plan describes, with what the person changed about it; one record of kind import.

    Raises InvalidInput, AlreadyExists; NotFound for a plan that was applied or thrown away.
    """
    name = name or plan.name
    path = place_for(name, settings)
    if not plan.building.is_dir():
        raise NotFound("What was fetched for this import is gone. Begin the import again.")
    try:
        if isinstance(plan.source, Folder) and plan.source.has_files:
            progress.step("Copying the files", 0.3)
            copy_files(plan.source.path, plan.building, progress)
        project = Project(
            path=plan.building,
            owner=path.parent.name,
            name=name,
            state=settings.state_of(path),
            trail=trail_of_building(plan.building, path, settings),
            settings=settings,
        )
        _put_back(plan, project)
        progress.step("Recording the import", 0.8)
        _complete(plan, project, description, request)
        _record(plan, project, actor)
        sync_file_system(plan.building)
        path.parent.mkdir(parents=True, exist_ok=True)
        carry_out(settings, [(plan.building, path)])
    except OSError as error:
        raise Unavailable(
            f"The import could not be completed ({error}). Nothing was changed; try again."
        ) from error
    shutil.rmtree(plan.staging, ignore_errors=True)
    return open_project(path, settings)


def _put_back(plan: ImportPlan, project: Project) -> None:
    """Put in place what was left out of the copy of a folder although its history holds it."""
    repository = project.repository
    tree = repository.tree_of(repository.head())
    left_out = [
        TreeChange(path, None, entry)
        for path, entry in repository.iter_files(tree)
        if not REBUILDABLE.isdisjoint(path.split("/"))
    ]
    checkout.apply_checkout(repository, CheckoutPlan(tuple(left_out)), keep=plan.staging / "kept")


def _complete(
    plan: ImportPlan, project: Project, description: str | None, request: EnvironmentRequest | None
) -> None:
    """Add what makes a folder a project, where it lacks it; a name that was changed is written down."""
    info = project.repository.git_folder / "info"
    info.mkdir(exist_ok=True)
    (info / "exclude").write_text(IGNORED, encoding="utf-8")
    seen = present.glance(project.path, FILE_NAME)
    if seen is None:
        request = request or plan.request or EnvironmentRequest()
        manifest = Manifest(project.name, plan.description if description is None else description)
        facts = facts_of(WholeRequest(request, plan.others))
        _create(project.manifest_path, edit_manifest(render_manifest(manifest), **facts))
        _keep_lock(plan, project, request)
    elif isinstance(seen, present.Seen) and seen.mode != LINK:
        _rename_inside(project)
    else:
        raise InvalidInput(f"Its {FILE_NAME} is no ordinary file. Nothing was kept.")
    is_plain = isinstance(plan.source, Folder) and not plan.source.has_history
    if is_plain and not os.path.lexists(project.path / ".gitignore"):
        _create(project.path / ".gitignore", IGNORED)


def _keep_lock(plan: ImportPlan, project: Project, request: EnvironmentRequest) -> None:
    """Write the versions that were chosen, what the packages need included, unless the person asks otherwise."""
    lock = plan.proposal.lock if plan.proposal is not None else None
    path = project.path / LOCK_PATH
    if lock is not None and request == plan.request and not os.path.lexists(path.parent):
        path.parent.mkdir()
        _create(path, lock.text)
        _create(project.path / ASKED_PATH, render_asked(asked_of(WholeRequest(request))))


def _rename_inside(project: Project) -> None:
    """Write the project's name into its manifest; one that cannot be read is left as it is."""
    text = project.manifest_path.read_text(encoding="utf-8", errors="replace")
    try:
        if parse_manifest(text, default_name=project.name).name == project.name:
            return
    except InvalidInput:
        return
    write_file(project.manifest_path, edit_manifest(text, name=project.name).encode(), mode=0o644)


def _create(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)


def _record(plan: ImportPlan, project: Project, actor: str) -> None:
    """Record the import with everything that the last commit of the source does not hold."""
    repository = project.repository
    detail = {"source": plan.shown, "commit": repository.head(), "environment_from": list(plan.sources)}
    action = Action("import", f"Imported {plan.shown}", actor=actor, tool="trailmark", detail=detail)
    if sweep(project, actor=actor, told=action) is None:
        record(project.trail, action)
        worktree.sync_index(repository)
