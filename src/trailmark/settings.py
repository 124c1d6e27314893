"""What a person or machine has chosen, read once into one frozen value and passed in."""

import getpass
import hashlib
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from trailmark.errors import InvalidInput

MEGABYTE = 1024 * 1024
_T = TypeVar("_T", str, int, dict[str, Any], list[Any])


@dataclass(frozen=True)
class Person:
    """Whose name stands on records and commits."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True)
class Settings:
    """All settings. `home` holds everything of Trailmark's that is not in a project."""

    home: Path
    projects: Path
    owner: str
    person: Person
    device: str
    max_file_bytes: int = 10 * MEGABYTE
    max_output_bytes: int = 50 * MEGABYTE
    bases: tuple[str, ...] = ()
    r_repositories: tuple[str, ...] = ()
    certificates: Path | None = None
    engine: str | None = None

    def state_of(self, project: Path) -> Path:
        """Return the folder for what belongs to a project but not in it: journal, index, locks."""
        real = project.resolve()
        digest = hashlib.sha256(str(real).encode("utf-8", "surrogateescape")).hexdigest()[:10]
        return self.home / "state" / f"{real.name}-{digest}"


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the folder that holds everything of Trailmark's that is not in a project. Reads no file."""
    chosen = environ.get("TRAILMARK_HOME")
    return Path(chosen).absolute() if chosen else _user_home(environ) / ".local" / "share" / "trailmark"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings of the home that `environ` names. Raises InvalidInput for a file that makes no sense."""
    home = home_of(environ)
    path = home / "settings.toml"
    stored = _read(path)
    usual = home / "projects" if environ.get("TRAILMARK_HOME") else _user_home(environ) / "Trailmark"
    texts = {
        name: _of_kind(stored, name, str, path)
        for name in ("projects", "owner", "device", "certificates", "engine")
    }
    limits = {name: _of_kind(stored, name, int, path) for name in ("max_file_bytes", "max_output_bytes")}
    return Settings(
        home=home,
        projects=Path(texts["projects"] or usual).expanduser(),
        owner=_slug(texts["owner"] or _login(environ)),
        person=_person(_of_kind(stored, "person", dict, path) or {}, environ),
        device=_slug(texts["device"] or socket.gethostname()),
        max_file_bytes=limits["max_file_bytes"] or Settings.max_file_bytes,
        max_output_bytes=limits["max_output_bytes"] or Settings.max_output_bytes,
        bases=_texts(stored, "bases", path),
        r_repositories=_texts(stored, "r_repositories", path),
        certificates=Path(texts["certificates"]).expanduser() if texts["certificates"] else None,
        engine=texts["engine"],
    )


def _user_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"The settings in {path} cannot be read ({error}). Mend or remove that file."
        ) from error


def _of_kind(stored: Mapping[str, Any], name: str, kind: type[_T], path: Path) -> _T | None:
    """Return a setting that is of the right kind, None when it is not set."""
    found = stored.get(name)
    if found is None:
        return None
    if isinstance(found, kind) and not isinstance(found, bool) and (not isinstance(found, int) or found > 0):
        return found
    what = {str: "text", int: "a whole number above zero", dict: "a table", list: "a list"}[kind]
    raise InvalidInput(f"“{name}” in {path} must be {what}. Mend that line, or remove it.")


def _texts(stored: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
    found = _of_kind(stored, name, list, path) or []
    if not all(isinstance(each, str) and each and "\0" not in each for each in found):
        raise InvalidInput(f"“{name}” in {path} must be a list of texts. Mend that line, or remove it.")
    return tuple(found)


def _person(stored: Mapping[str, Any], environ: Mapping[str, str]) -> Person:
    login = _login(environ)
    name = str(stored.get("name") or environ.get("GIT_AUTHOR_NAME") or login)
    email = str(stored.get("email") or environ.get("GIT_AUTHOR_EMAIL") or f"{_slug(login)}@localhost")
    return Person(name=name, email=email)


def _login(environ: Mapping[str, str]) -> str:
    for variable in ("LOGNAME", "USER"):
        if environ.get(variable):
            return environ[variable]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "me"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "me"
