"""What a session of a project may use: choosing it, one record each time."""

from __future__ import annotations

from trailmark.activity import Recorded
from trailmark.projects.file_changes import write_file
from trailmark.projects.manifest import FILE_NAME, edit_manifest, parse_manifest
from trailmark.projects.project import Project


def set_resources(
    project: Project,
    *,
    cpus: float | None,
    memory: str | None,
    shared_memory: str | None,
    gpu: bool,
    actor: str = "person",
) -> Recorded | None:
    """Choose what a session may use; None is without limit. Raises InvalidInput for sizes that are none.

    Returns None when it is so already.
    """
    with project.trail.lock:
        changed = edit_manifest(
            project.manifest_text(),
            cpus=int(cpus) if cpus is not None and cpus.is_integer() else cpus,
            memory=memory or None,
            shared_memory=shared_memory or None,
            gpu=True if gpu else None,
        )
        parse_manifest(changed, default_name=project.name)
        return write_file(
            project, FILE_NAME, changed.encode(), told="Chose what a session may use", actor=actor
        )
