"""Going back to an earlier environment: its files and its part of `trailmark.toml`, as one new record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trailmark.activity import Action, Change, FileRef, NewFile, file_ref
from trailmark.environments.whole.resolve import Managers
from trailmark.errors import Damaged, InvalidInput
from trailmark.git import FOLDER, Oid
from trailmark.git.worktree import FILE_MODES
from trailmark.projects.alter import Altered, alter
from trailmark.projects.environment_at import ENVIRONMENT, Environments, lock_of, request_of, texts_of
from trailmark.projects.environment_difference import difference_of
from trailmark.projects.manifest import FILE_NAME, parse_manifest
from trailmark.projects.manifest_splice import with_environment
from trailmark.projects.project import Project
from trailmark.projects.ready import make_ready
from trailmark.projects.recorded import facts_of_lock

_LONGEST_TITLE = 80


def restore_environment(
    project: Project,
    commit: Oid,
    title: str,
    managers: Managers,
    *,
    record: str | None = None,
    actor: str = "person",
) -> Altered | None:
    """Give the project the environment that it had at a commit, which `title` names; None when it has it already.

    Of `trailmark.toml` only [environment] changes. Nothing is resolved or built: the lock is what it was then.
    Raises InvalidInput for an environment that cannot be read, NotFound for a commit that there is not.
    """
    with project.trail.lock:
        make_ready(project, actor=actor)
        repository = project.repository
        head = repository.head()
        tree, then = repository.tree_of(head), repository.tree_of(commit)
        put, remove = _folder_change(project, tree, then)
        texts = texts_of(repository, then)
        manifest = with_environment(project.manifest_text(), texts.get(FILE_NAME, ""))
        detail = _detail(project, manifest, texts)
        if manifest != project.manifest_text():
            put[FILE_NAME] = NewFile(manifest.encode())
        if not put and not remove:
            return None
        environments = Environments(repository, managers)
        difference = difference_of(environments.at(head), environments.at(commit))
        action = Action(
            "environment",
            f"Went back to the environment of “{_shortened(title)}”",
            actor=actor,
            tool="trailmark",
            environment=detail.pop("digest"),
            writes=_writes(project, put),
            deletes=tuple(sorted(remove)),
            detail={"to": record or commit, "commit": commit, "changes": difference.lines(), **detail},
        )
        return alter(project, action, Change(put=put, remove=remove))


def _folder_change(
    project: Project, tree: Oid | None, then: Oid | None
) -> tuple[dict[str, NewFile], frozenset[str]]:
    """Return what makes the folder of the environment that of another tree."""
    below = f"{ENVIRONMENT}/"
    folders = [project.repository.find_entry(each, ENVIRONMENT) for each in (tree, then)]
    old, new = (folder.oid if folder and folder.mode == FOLDER else None for folder in folders)
    put: dict[str, NewFile] = {}
    remove = set()
    for change in project.repository.diff(old, new):
        if change.new is None:
            remove.add(f"{below}{change.path}")
        elif change.new.mode in FILE_MODES:
            put[f"{below}{change.path}"] = NewFile(change.new.oid, change.new.mode)
    return put, frozenset(remove)


def _detail(project: Project, manifest: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what is recorded of the lock: its parts, and what the trail knew of the environment made of it.

    Raises InvalidInput for an environment that cannot be read: nothing could be made of it.
    """
    try:
        asked = parse_manifest(manifest, default_name=project.name)
        request_of(asked, texts)
        lock = lock_of(asked, texts)
    except (InvalidInput, Damaged) as error:
        raise InvalidInput(f"The environment of then cannot be read. {error} Nothing was changed.") from error
    detail: dict[str, Any] = {"digest": lock.digest if lock else None, "packages": list(asked.packages)}
    if lock is not None:
        known = facts_of_lock(project, lock.digest) or {}
        detail |= {key: known[key] for key in ("interpreter", "files") if key in known}
        detail["parts"] = lock.parts()
    return detail


def _writes(project: Project, put: Mapping[str, NewFile]) -> tuple[FileRef, ...]:
    data = ((path, file.content) for path, file in sorted(put.items()))
    return tuple(
        file_ref(path, content if isinstance(content, bytes) else project.repository.blob(content))
        for path, content in data
    )


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
