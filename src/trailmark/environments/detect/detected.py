"""Put together what all the files of a repository say."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trailmark.environments.detect.beyond import Beyond, look_beyond
from trailmark.environments.detect.conda import read_conda
from trailmark.environments.detect.found import Found
from trailmark.environments.detect.imports import ENDINGS, Survey, as_found, survey
from trailmark.environments.detect.projectfiles import (
    read_pipfile,
    read_pyproject,
    read_setup_cfg,
    read_setup_py,
)
from trailmark.environments.detect.requirements import read_requirements
from trailmark.environments.model import PYTHON, EnvironmentRequest

# Where files that describe an environment may lie, the strongest first (the last two as Binder has them).
_FOLDERS = ("", "binder", ".binder")
_READERS: tuple[tuple[str, Callable[[str, str], Found]], ...] = (
    ("pyproject.toml", read_pyproject),
    ("environment.yml", read_conda),
    ("environment.yaml", read_conda),
    ("Pipfile", read_pipfile),
    ("setup.cfg", read_setup_cfg),
    ("setup.py", read_setup_py),
)
_PYTHON_FILES = {
    ".python-version": re.compile(r"^\s*(\d+\.\d+)(\.\d+)?\s*$", re.MULTILINE),
    "runtime.txt": re.compile(r"^\s*python-(\d+\.\d+)(\.\d+)?\s*$", re.MULTILINE),
}
IMPORTS = "imports"


@dataclass(frozen=True)
class Detected:
    """What a repository seems to want, which files said so, and remarks; for a person to confirm.

    `code` is what its code loads. `r` are the packages that its R code loads, when no file describes R's part.
    `beyond` is what is asked of other managers than pip.
    """

    request: EnvironmentRequest
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    r: tuple[str, ...] = ()
    code: Survey = field(default_factory=Survey, compare=False, repr=False)
    beyond: Beyond = field(default_factory=Beyond)

    @property
    def is_guessed(self) -> bool:
        """Whether no file declares Python's packages, so that the code's imports stand for them."""
        return IMPORTS in self.sources


def detect(files: Mapping[str, str]) -> Detected:
    """Return what a repository, given as path → text, says of its environment. Raises nothing on bad files."""
    declared = [found for found in _declared(files) if found.packages or found.python or found.notes]
    code = survey(files, [path for path in files if path.endswith(ENDINGS)])
    imported = as_found(code)
    sources = declared if any(found.packages for found in declared) else [*declared, imported]
    packages, notes = _merge(sources)
    beyond = look_beyond(files)
    notes = [*(note for found in sources for note in found.notes), *notes, *beyond.notes]
    if imported not in sources:
        missing = sorted(imported.names() - {canonicalize_name(one.name) for one in packages})
        if missing:
            notes.append(f"the code also imports what {', '.join(missing)} gives, which no file asks for")
    r = () if "r" in beyond.wanted else code.packages("r")
    python = next((found.python for found in sources if found.python), None) or _python(files)
    used = (found.source for found in sources if found.packages or found.python or (found is imported and r))
    return Detected(
        EnvironmentRequest(python or PYTHON, tuple(map(str, packages))),
        tuple(dict.fromkeys((*used, *beyond.sources))),
        tuple(dict.fromkeys(notes)),
        r,
        code,
        beyond,
    )


def detect_imports(files: Mapping[str, str]) -> Detected:
    """Return what a repository wants by its code alone, whatever its files declare. Raises nothing on bad files."""
    code = survey(files, [path for path in files if path.endswith(ENDINGS)])
    found = as_found(code)
    packages, notes = _merge([found])
    request = EnvironmentRequest(PYTHON, tuple(map(str, packages)))
    return Detected(request, (IMPORTS,), (*found.notes, *notes), code.packages("r"), code)


def _declared(files: Mapping[str, str]) -> Iterator[Found]:
    for folder in _FOLDERS:
        for name, read in _READERS:
            path = posixpath.join(folder, name)
            if path in files:
                yield read(files[path], path)
            if name == "pyproject.toml" and posixpath.join(folder, "requirements.txt") in files:
                yield read_requirements(files, posixpath.join(folder, "requirements.txt"))


def _merge(sources: list[Found]) -> tuple[list[Requirement], list[str]]:
    """Return each package once: the first source that names it wins, and one that disagrees is noted."""
    chosen: dict[str, tuple[Requirement, str]] = {}
    extra: list[Requirement] = []
    notes: list[str] = []
    for found in sources:
        for requirement in found.packages:
            name = canonicalize_name(requirement.name)
            first, source = chosen.setdefault(name, (requirement, found.source))
            if first is requirement or str(first) == str(requirement):
                continue
            if source == found.source and first.marker and requirement.marker:
                extra.append(requirement)
            elif requirement.specifier or requirement.url:
                notes.append(
                    f"{found.source} asks for {requirement}, but {source} for {first}; the latter is taken"
                )
    return [*(requirement for requirement, _ in chosen.values()), *extra], notes


def _python(files: Mapping[str, str]) -> str | None:
    for folder in _FOLDERS:
        for name, pattern in _PYTHON_FILES.items():
            match = pattern.search(files.get(posixpath.join(folder, name), ""))
            if match:
                return f"=={match[1]}.*"
    return None
