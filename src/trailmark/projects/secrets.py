"""Secrets: the project names them; each person's values lie under the Trailmark home, never in the project."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from trailmark.activity import ProjectLock
from trailmark.durable import write_file
from trailmark.errors import InvalidInput, Unavailable
from trailmark.projects.project import Project
from trailmark_capture.redact import forms_of, is_telling

_LONGEST = 1_000_000
_LOCK_SECONDS = 20.0
_log = logging.getLogger("trailmark.secrets")


class _Damaged(Exception):
    """The file of values is there and holds none."""


def secrets_path(project: Project) -> Path:
    """Return where the values of a project's secrets are kept, outside of it."""
    return project.settings.home / "secrets" / f"{project.state.name}.json"


def secret_values(project: Project) -> dict[str, str]:
    """Return the values of the secrets that the project names and this person has given."""
    stored = kept_values(project)
    return {name: stored[name] for name in project.manifest().secrets if name in stored} if stored else {}


def known_secrets(project: Project) -> frozenset[str]:
    """Return the names of all secrets whose values are kept, whether or not the project names them."""
    return frozenset(kept_values(project))


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
            for name, value in kept_values(project).items()
            if is_telling(value)
            for form in forms_of(value)
        }

    def __bool__(self) -> bool:
        return bool(self._forms)

    def find_in(self, data: bytes) -> str | None:
        """Return the name of a secret that stands in some bytes, None when there is none."""
        return next((name for form, name in self._forms.items() if form in data), None)


def set_secret(project: Project, name: str, value: str | None) -> str | None:
    """Keep a secret's value for this person, or forget it when None. The project never holds it.

    Returns what the person must know of the other values, None for nothing. Raises InvalidInput for a value that no
    program can be given, and what `change_values` raises.
    """
    if value is not None and (not _can_be_given(value) or len(value) > _LONGEST):
        raise InvalidInput(
            f"The value of {name} cannot be given to programs: it is no text in UTF-8 without zero bytes, or longer "
            f"than {_LONGEST:,} characters. Nothing was kept. If it is a file, keep it as one: "
            f"`trailmark env secret {name} --file FILE --at PLACE`."
        )

    def change(stored: dict[str, str]) -> None:
        stored.pop(name, None)
        if value is not None:
            stored[name] = value

    return change_values(project, change)


def kept_values(project: Project) -> dict[str, str]:
    """Return all values that are kept, by name; none when the file that holds them is damaged, which is said.

    Raises Unavailable when it cannot be read: who does not know the secrets cannot black them out.
    """
    try:
        return _read(secrets_path(project))
    except _Damaged as problem:
        _log.warning("%s", problem)
        return {}


def change_values(project: Project, change: Callable[[dict[str, str]], None]) -> str | None:
    """Change the values that are kept, one at a time on this machine.

    A damaged file is set aside, and what is returned then says so. Raises Unavailable when it cannot be read, and
    Busy when somebody else is at it for long.
    """
    path = secrets_path(project)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ProjectLock(path.with_suffix(".lock"), timeout=_LOCK_SECONDS):
        told = None
        try:
            stored = _read(path)
        except _Damaged:
            stored, told = {}, _set_aside(path)
        before = dict(stored)
        change(stored)
        if stored != before or told:
            write_file(path, json.dumps(stored).encode())
    return told


def _can_be_given(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y-%m-%d-%H%M%S')}")
    path.replace(aside)
    return (
        f"The file with the values of this project's secrets was damaged. It now lies at {aside}; a new one was "
        "begun. Give the other values again: `trailmark env secret` lists those that are missing."
    )


def _read(path: Path) -> dict[str, str]:
    """Return the values in a file, none when there is no such file. Raises _Damaged and Unavailable."""
    try:
        stored = json.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unavailable(
            f"The values of this project's secrets cannot be read: {path} ({error.strerror}). Nothing was changed, "
            "and nothing is recorded meanwhile that could hold one. Mend that (permissions, disk) and try again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _Damaged(f"{path} does not hold the values of secrets ({error}).") from error
    if not isinstance(stored, dict):
        raise _Damaged(f"{path} does not hold the values of secrets.")
    return {name: str(value) for name, value in stored.items()}
