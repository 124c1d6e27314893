"""What the files of a repository ask of package managers other than pip, Binder's folder included."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trailmark.environments.detect.conda import AskedOfConda, read_conda_itself
from trailmark.environments.detect.others import FoundOther
from trailmark.environments.detect.rfiles import (
    read_description,
    read_install_r,
    read_r_runtime,
    read_renv,
)
from trailmark.environments.detect.system import read_apt
from trailmark.environments.managers.model import Wanted

# Files for other managers, the strongest first; of Binder's folders the files count before the root's.
_READERS: tuple[tuple[str, Callable[[str, str], FoundOther]], ...] = (
    ("renv.lock", read_renv),
    ("install.R", read_install_r),
    ("DESCRIPTION", read_description),
    ("apt.txt", read_apt),
)
_FOLDERS = ("binder", ".binder", "")
_NOT_USED = {
    "Project.toml": "Julia packages are not set up here",
    "postBuild": "it is not run; what it does belongs in a snippet or in the code",
    "default.nix": "packages of Nix are not set up here",
}
_NOT_USED_OF_BINDER = {
    "start": "it is not run",
    "Dockerfile": "it is not used; its lines can become a snippet",
}


@dataclass(frozen=True)
class Beyond:
    """What is asked of apt and r (`wanted`, by their names), by which files, and remarks.

    `locks` holds the locks of theirs that were found, to keep to. `conda` is what an environment.yml asks of conda
    itself; as far as they go, the same are among the Python packages.
    """

    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    locks: Mapping[str, str] = field(default_factory=dict)
    conda: AskedOfConda | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def look_beyond(files: Mapping[str, str]) -> Beyond:
    """Return what a repository, given as path → text, asks of other managers. Raises nothing on bad files."""
    found = [one for one in _found(files) if one.requirements or one.notes]
    used = [one for one in found if one.requirements]
    return Beyond(
        {one.manager: one.wanted() for one in used},
        {one.manager: one.lock for one in used if one.lock is not None},
        _conda(files),
        tuple(one.source for one in used),
        (*(note for one in found for note in one.notes), *_not_used(files)),
    )


def _found(files: Mapping[str, str]) -> list[FoundOther]:
    """Return what the strongest file of each other manager asks for."""
    found: dict[str, FoundOther] = {}
    for name, read in _READERS:
        path = next((path for folder in _FOLDERS if (path := posixpath.join(folder, name)) in files), None)
        if path is None:
            continue
        one = read(files[path], path)
        first = found.get(one.manager)
        if first is None or not first.requirements:
            one.notes[:0] = first.notes if first else []
            found[one.manager] = one
        else:
            first.note(f"{path} is not used, for {first.source} says it all")
    if "r" in found:
        _date(found["r"], files)
    return list(found.values())


def _date(found: FoundOther, files: Mapping[str, str]) -> None:
    """Take the day and the version of R from Binder's runtime.txt, where no lock names them."""
    for folder in _FOLDERS:
        runtime = read_r_runtime(files.get(posixpath.join(folder, "runtime.txt"), ""))
        if runtime and found.snapshot is None:
            found.runtime, found.snapshot = found.runtime or runtime[0], runtime[1]


def _conda(files: Mapping[str, str]) -> AskedOfConda | None:
    for folder in _FOLDERS:
        for name in ("environment.yml", "environment.yaml"):
            path = posixpath.join(folder, name)
            if path in files:
                return read_conda_itself(files[path], path)
    return None


def _not_used(files: Mapping[str, str]) -> Iterator[str]:
    for folder in _FOLDERS:
        for name, remark in {**_NOT_USED, **(_NOT_USED_OF_BINDER if folder else {})}.items():
            if posixpath.join(folder, name) in files:
                yield f"{posixpath.join(folder, name)}: {remark}"
