"""Secrets: the project names them; each person's values lie under the Trailmark home, never in the project."""

from __future__ import annotations

import json
from pathlib import Path

from trailmark.durable import write_file
from trailmark.projects.project import Project
from trailmark_capture.redact import forms_of, is_telling


def secrets_path(project: Project) -> Path:
    """Return where the values of a project's secrets are kept, outside of it."""
    return project.settings.home / "secrets" / f"{project.state.name}.json"


def secret_values(project: Project) -> dict[str, str]:
    """Return the values of the secrets that the project names and this person has given."""
    stored = _stored(project)
    return {name: stored[name] for name in project.manifest().secrets if name in stored} if stored else {}


def known_secrets(project: Project) -> frozenset[str]:
    """Return the names of all secrets whose values are kept, whether or not the project names them."""
    return frozenset(_stored(project))


def missing_secrets(project: Project) -> tuple[str, ...]:
    """Return the names of the secrets that the project asks for and this person has given no value."""
    known = known_secrets(project)
    return tuple(name for name in project.manifest().secrets if name not in known)


class SecretFinder:
    """Finds the values of a project's secrets in files, in any of the forms in which programs write them.

    A value that may be an ordinary word is not looked for.
    """

    def __init__(self, project: Project) -> None:
        self._forms = {
            form.encode("utf-8", "surrogatepass"): name
            for name, value in _stored(project).items()
            if is_telling(value)
            for form in forms_of(value)
        }

    def __bool__(self) -> bool:
        return bool(self._forms)

    def find_in(self, data: bytes) -> str | None:
        """Return the name of a secret that stands in some bytes, None when there is none."""
        return next((name for form, name in self._forms.items() if form in data), None)


def set_secret(project: Project, name: str, value: str | None) -> None:
    """Keep a secret's value for this person, or forget it when None. The project never holds it."""
    path = secrets_path(project)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stored = _stored(project)
    stored.pop(name, None)
    if value is not None:
        stored[name] = value
    write_file(path, json.dumps(stored).encode())


def _stored(project: Project) -> dict[str, str]:
    try:
        stored = json.loads(secrets_path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(value) for name, value in stored.items()} if isinstance(stored, dict) else {}
