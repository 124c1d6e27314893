"""Secret files: the project names them and their places; each person's content lies outside of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trailmark.activity import Recorded
from trailmark.durable import write_file as write_durably
from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.file_changes import write_file
from trailmark.projects.manifest import FILE_NAME, edit_manifest, parse_manifest
from trailmark.projects.project import Project
from trailmark.projects.secret_contents import values_in
from trailmark.projects.secrets import change_values, kept_values, secrets_path

_LARGEST = 10_000_000


@dataclass(frozen=True)
class SecretFile:
    """A file that the code needs. `place` is where a container has it; `path` where it is kept, if it is.

    `values` says how many of its words are known as secret, and so blacked out.
    """

    name: str
    place: str
    path: Path | None
    values: int = 0

    def placed(self, home: Path) -> Path:
        """Return where it is mounted for a person whose home is at `home`."""
        return home / self.place.removeprefix("~/") if self.place.startswith("~/") else Path(self.place)


def secret_files(project: Project, named: Mapping[str, str] | None = None) -> tuple[SecretFile, ...]:
    """Return the secret files that the project names (or `named`), whether or not this person has given them."""
    folder = _folder(project)
    places = project.manifest().secret_files if named is None else named
    known = Counter(name.partition(" (")[0] for name in kept_values(project) if " (" in name)
    return tuple(
        SecretFile(name, place, folder / name if (folder / name).is_file() else None, known[name])
        for name, place in places.items()
    )


def secret_file_variables(project: Project) -> dict[str, str]:
    """Return an environment variable for each file that is kept: its name, and where it lies on this machine."""
    return {file.name: str(file.path) for file in secret_files(project) if file.path is not None}


def name_secret_file(project: Project, name: str, place: str, *, actor: str = "person") -> Recorded | None:
    """Have the project ask for a secret file, mounted at a place. Raises InvalidInput for one that cannot be."""
    with project.trail.lock:
        changed = edit_manifest(project.manifest_text(), **{f"secret_file {name}": place})
        parse_manifest(changed, default_name=project.name)
        return write_file(
            project, FILE_NAME, changed.encode(), told=f"Named the secret file {name}", actor=actor
        )


def keep_secret_file(project: Project, name: str, data: bytes | None) -> str | None:
    """Keep a secret file for this person, or forget it when None. Raises NotFound for one that nobody asks for.

    Returns what the person must know of other secrets, as `set_secret` does.
    """
    if data is not None and name not in project.manifest().secret_files:
        raise NotFound(
            f"The project does not name a secret file {name}. Nothing was kept. Say where it belongs: "
            f"`trailmark env secret {name} --file FILE --at /run/secrets/{name.lower()}`."
        )
    if data is not None and len(data) > _LARGEST:
        raise InvalidInput(f"A secret file holds at most {_LARGEST:,} bytes. Nothing was kept.")
    path = _folder(project) / name
    if data is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, data, mode=0o600)
    return _black_out(project, name, data)


def missing_secret_files(project: Project) -> tuple[str, ...]:
    """Return the names of the secret files that the project asks for and this person has not given."""
    return tuple(file.name for file in secret_files(project) if file.path is None)


def files_path(project: Project) -> Path:
    """Return the folder where the project's secret files are kept, outside of it."""
    return _folder(project)


def _folder(project: Project) -> Path:
    path = secrets_path(project)
    return path.with_name(f"{path.stem}.files")


def _black_out(project: Project, name: str, data: bytes | None) -> str | None:
    """Add what is secret in the file to the values that are blacked out, in place of those from before."""
    text = data.decode("utf-8", "replace") if data is not None else ""

    def change(stored: dict[str, str]) -> None:
        for known in [known for known in stored if known.startswith(f"{name} (")]:
            del stored[known]
        stored |= {f"{name} ({number})": value for number, value in enumerate(values_in(text), start=1)}

    return change_values(project, change)
