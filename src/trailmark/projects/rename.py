"""Giving a project another name."""

from __future__ import annotations

from trailmark.activity import Action, Change, NewFile, file_ref
from trailmark.projects.alter import alter
from trailmark.projects.manifest import FILE_NAME, named
from trailmark.projects.moves import at_rest, carry_out
from trailmark.projects.names import check_project_name
from trailmark.projects.new import place_for
from trailmark.projects.project import Project, open_project
from trailmark.projects.ready import make_ready


def rename_project(project: Project, name: str, *, actor: str = "person") -> Project:
    """Rename a project, its folder and what its manifest calls it; return it as it is now. Its state stays.

    Raises InvalidInput, AlreadyExists, or Busy while somebody works in it.
    """
    settings = project.settings
    if check_project_name(name) == project.name:
        return project
    target = project.path.with_name(name)
    if name.lower() != project.name.lower():
        target = place_for(name, settings, folder=project.path.parent)
    with at_rest(project):
        make_ready(project, actor=actor)
        _rename_inside(project, name, actor)
        carry_out(settings, [(project.path, target)])
    return open_project(target, settings)


def _rename_inside(project: Project, name: str, actor: str) -> None:
    changed = named(project.manifest_text(), name).encode()
    action = Action(
        "project",
        f"Renamed the project {project.name} to {name}",
        actor=actor,
        tool="trailmark",
        writes=(file_ref(FILE_NAME, changed),),
        detail={"from": project.name, "to": name},
    )
    alter(project, action, Change(put={FILE_NAME: NewFile(changed)}))
