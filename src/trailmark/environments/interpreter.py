"""Find a Python on this machine that an environment can be made with."""

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from trailmark.environments.model import parse_python
from trailmark.environments.uv import Uv
from trailmark.errors import Unavailable
from trailmark.process import run


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    path: Path
    version: str

    @property
    def minor(self) -> str:
        """Its version without the patch, such as “3.11”."""
        return ".".join(self.version.split(".")[:2])


def find_interpreter(*requires: str, uv: Uv) -> Interpreter:
    """Return a Python that meets every specifier: the one that Trailmark runs on, or else the newest.

    Raises Unavailable that lists the Pythons which were found instead.
    """
    wanted = SpecifierSet()
    for text in requires:
        wanted &= parse_python(text)
    own = own_interpreter()
    if _fits(own, wanted):
        return own
    found = list_interpreters(uv)
    fitting = [one for one in found if _fits(one, wanted)]
    if fitting:
        return fitting[0]
    listed = "".join(f"\n  {one.version:8} {one.path}" for one in found)
    raise Unavailable(
        f"This environment wants Python {wanted}, and this machine has none that fits. Found:{listed}\n"
        "Install a Python that fits, or ask for another one; nothing was changed."
    )


def own_interpreter() -> Interpreter:
    """Return the Python below Trailmark's own environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(Path(base), platform.python_version())


def list_interpreters(uv: Uv) -> tuple[Interpreter, ...]:
    """Return the CPythons that this machine has, one for each version, newest first."""
    found: dict[str, Interpreter] = {}
    for one in (own_interpreter(), *_known_to_uv(uv), *_of_pyenv(uv.environ)):
        found.setdefault(one.version, one)
    return tuple(sorted(found.values(), key=lambda one: Version(one.version), reverse=True))


def _fits(one: Interpreter, wanted: SpecifierSet) -> bool:
    return wanted.contains(
        one.version, prereleases=bool(Version(one.version).is_prerelease and wanted.prereleases)
    )


def _known_to_uv(uv: Uv) -> Iterator[Interpreter]:
    said = uv.run(["python", "list", "--only-installed", "--output-format", "json"])
    for entry in json.loads(said.stdout or "[]") if said.ok else []:
        if entry.get("implementation") == "cpython" and entry.get("variant", "default") == "default":
            version = _version(entry.get("version", ""))
            if version and entry.get("path"):
                yield Interpreter(Path(entry["path"]), version)


def _of_pyenv(environ: Mapping[str, str]) -> Iterator[Interpreter]:
    """Yield pyenv's Pythons: its shims answer only for those chosen in the current folder."""
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv") / "versions"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        path = folder / "bin" / "python3"
        if _version(folder.name) == folder.name and os.access(path, os.X_OK):
            said = run(
                [str(path), "-I", "-S", "-c", "import platform; print(platform.python_version())"], timeout=20
            )
            version = _version(said.stdout.strip())
            if said.ok and version:
                yield Interpreter(path, version)


def _version(text: str) -> str | None:
    try:
        return str(Version(text))
    except InvalidVersion:
        return None
