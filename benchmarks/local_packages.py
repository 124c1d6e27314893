"""How long a changed package takes on this machine, beside `uv pip install` of it into an equal environment.

Both are measured from the order until a Python of the environment has imported it, with the package in uv's cache, in
turns. Trailmark's part is the whole command: resolving everything together, making the environment of the new lock,
which leaves the old one as it is, comparing hashes, writing to disk, and recording.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from _figures import Figure, show

from trailmark import wiring
from trailmark.environments.installed import installed_packages
from trailmark.progress import NullProgress
from trailmark.projects.environment import current_lock, find_made
from trailmark.projects.new import new_project
from trailmark.projects.packages import add
from trailmark.projects.project import Project
from trailmark.wiring import Services

WANTED = (
    "ipykernel",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "flask",
    "sqlalchemy",
    "requests",
    "nbformat",
    "aiohttp",
)
FIRST = "1.10.0"
VERSIONS = ("1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.15.0", "1.16.0", "1.17.0")
GOAL = 3.0
AT_LEAST = 60


class Bench:
    """A project with many packages, and beside it an environment with the same ones that uv alone looks after."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services = services
        self.project: Project = new_project("bench", services.settings)
        add(self.project, (*WANTED, f"six=={FIRST}"), services.means, NullProgress())
        self.beside = folder / "beside"
        self._equal()

    def _equal(self) -> None:
        made = find_made(self.project, current_lock(self.project))
        assert made is not None
        self._uv("venv", "--python", str(made.python.resolve()), str(self.beside))
        self._uv(
            "pip", "sync", "--python", str(self.beside / "bin" / "python"), str(made.path / "pylock.toml")
        )
        assert installed_packages(self.beside).keys() == installed_packages(made.path).keys()
        self.count = len(installed_packages(made.path))
        # Each version is in the cache of both before anything is measured.
        for version in (*VERSIONS, FIRST):
            self._uv("pip", "install", "--python", str(self.beside / "bin" / "python"), f"six=={version}")

    def _uv(self, *arguments: str) -> None:
        self.services.uv.run(arguments).require("uv failed")

    def with_trailmark(self, version: str) -> float:
        """Return the seconds until the version can be imported after `trailmark env add`."""
        begun = time.perf_counter()
        _run([sys.executable, "-m", "trailmark", "-C", "bench", "env", "add", f"six=={version}"], os.environ)
        made = find_made(self.project, current_lock(self.project))
        assert made is not None
        _imports(made.python, version)
        return time.perf_counter() - begun

    def with_uv(self, version: str) -> float:
        """Return the seconds until the version can be imported after `uv pip install`."""
        begun = time.perf_counter()
        python = self.beside / "bin" / "python"
        _run(
            [self.services.uv.program, "pip", "install", "--python", str(python), f"six=={version}"],
            self.services.uv.environ,
        )
        _imports(python, version)
        return time.perf_counter() - begun


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    done = subprocess.run(argv, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _imports(python: Path, version: str) -> None:
    _run([str(python), "-c", f"import ipykernel, six; assert six.__version__ == {version!r}"], os.environ)


def main() -> int:
    """Print the figures; return 1 when a goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["TRAILMARK_HOME"] = name
        bench = Bench(wiring.build(os.environ), Path(name))
        ours, theirs = [], []
        for version in VERSIONS:
            ours.append(bench.with_trailmark(version))
            theirs.append(bench.with_uv(version))
        more = [one - other for one, other in zip(ours, theirs, strict=True)]
        return show(
            [
                Figure("packages in the environment", bench.count, "", at_least=AT_LEAST),
                Figure("uv pip install of one package (median)", statistics.median(theirs), "s"),
                Figure("trailmark env add of one package (median)", statistics.median(ours), "s"),
                Figure("trailmark, over uv (median)", statistics.median(more), "s", at_most=GOAL),
                Figure("trailmark, over uv (worst)", max(more), "s"),
                Figure("processes that waited for a processor", os.getloadavg()[0], ""),
            ]
        )


if __name__ == "__main__":
    raise SystemExit(main())
