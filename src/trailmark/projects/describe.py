"""Saying what a project is about: its description and its README."""

from __future__ import annotations

from trailmark.activity import Recorded
from trailmark.errors import InvalidInput
from trailmark.projects.file_changes import write_file
from trailmark.projects.manifest import FILE_NAME, edit_manifest
from trailmark.projects.project import Project

_LONGEST_DESCRIPTION = 1000
_LONGEST_README = 1_000_000
_READMES = ("readme.md", "readme", "readme.rst", "readme.txt")


def describe(project: Project, description: str, *, actor: str = "person") -> Recorded | None:
    """Change the description in `trailmark.toml`; None when it says that already. Raises InvalidInput."""
    description = " ".join(description.split())
    if len(description) > _LONGEST_DESCRIPTION:
        raise InvalidInput(
            f"A description holds at most {_LONGEST_DESCRIPTION} characters; the README has room for more."
        )
    with project.trail.lock:
        project.manifest()
        changed = edit_manifest(project.manifest_text(), description=description)
        return write_file(project, FILE_NAME, changed.encode(), told="Described the project", actor=actor)


def readme_name(project: Project) -> str:
    """Return the path of the project's README; of the usual one when there is none."""
    names = {path.name.lower(): path.name for path in project.path.iterdir() if path.is_file()}
    return next((names[name] for name in _READMES if name in names), "README.md")


def edit_readme(project: Project, text: str, *, actor: str = "person") -> Recorded | None:
    """Give the README another text; None when it has that text already. Raises InvalidInput."""
    if len(text) > _LONGEST_README:
        raise InvalidInput("The README is longer than a million characters; put longer texts into files.")
    data = text.replace("\r\n", "\n").encode("utf-8", "backslashreplace")
    return write_file(project, readme_name(project), data, told="Edited the README", actor=actor)
