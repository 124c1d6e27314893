"""Secrets: the project names them; each person's values lie under the Trailmark home, never in the project."""

from __future__ import annotations

import json
from pathlib import Path

from trailmark.durable import write_file
from trailmark.projects.project import Project


def secrets_path(project: Project) -> Path:
    """Return where the values of a project's secrets are kept, outside of it."""
    return project.settings.home / "secrets" / f"{project.state.name}.json"


def secret_values(project: Project) -> dict[str, str]:
    """Return the values of the secrets that the project names and this person has given."""
    try:
        stored = json.loads(secrets_path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(stored[name]) for name in project.manifest().secrets if name in stored}


def set_secret(project: Project, name: str, value: str | None) -> None:
    """Keep a secret's value for this person, or forget it when None. The project never holds it."""
    path = secrets_path(project)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = {}
    stored.pop(name, None)
    if value is not None:
        stored[name] = value
    write_file(path, json.dumps(stored).encode())
