"""How far the import helper gets with the sample repositories, against the package index that this machine reaches.

For each: the imports that a reader of the code finds (NAME.toml) and how many of them were found and given the right
package; how many then had a version, and how many of all imports worked in a fresh process each. Python's part was
installed for that; R's packages were only looked for in this machine's R, because nothing of CRAN was installed.
Names of repositories as arguments choose some of them; --failing lists what fails, with reason and advice.
"""

import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from trailmark.environments.detect import FolderText, detect_imports
from trailmark.environments.period import Outcome, Proposal, propose, try_out
from trailmark.environments.period.propose import Machine, machine_here
from trailmark.environments.period.r import try_r
from trailmark.environments.uv import find_uv
from trailmark.errors import Unavailable
from trailmark.git import FILE, Entry, Repository, Signature
from trailmark.progress import NullProgress
from trailmark.projects.moment import moment_of

SAMPLES = Path(__file__).parents[1] / "tests" / "samples" / "repositories"
HEAD = ("repository", "last commit", "Python", "found", "mapped", "resolved", "work", "R: work", "seconds")


@dataclass(frozen=True)
class Row:
    """What came of one repository: pairs are how many, of how many."""

    name: str
    proposal: Proposal
    found: tuple[int, int]
    mapped: tuple[int, int]
    resolved: tuple[int, int]
    working: tuple[int, int]
    of_r: tuple[int, int]
    seconds: float

    def cells(self) -> list[str]:
        """Return the row as text."""
        pairs = (self.found, self.mapped, self.resolved, self.working, self.of_r)
        first = [self.name, str(self.proposal.moment.day), self.proposal.python]
        return [
            *first,
            *(f"{part}/{whole}" if whole else "-" for part, whole in pairs),
            f"{self.seconds:.0f}",
        ]


def main() -> int:
    """Print the table, one line as each repository is done."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    files = sorted(SAMPLES.glob("*.toml"))
    machine = machine_here(find_uv())
    rows = []
    print(line(HEAD), flush=True)
    for file in files:
        if file.stem == "ruff" or (names and file.stem not in names):
            continue
        try:
            rows.append(measure(file.stem, tomllib.loads(file.read_text(encoding="utf-8")), machine))
        except Unavailable as error:
            print(f"Not measured: {error}", file=sys.stderr)
            return 1
        print(line(rows[-1].cells()), flush=True)
    print(line(["all", "", "", *totals(rows), f"{sum(row.seconds for row in rows):.0f}"]))
    if "--failing" in sys.argv:
        tell_failing(rows)
    return 0


def measure(name: str, truth: Mapping[str, Any], machine: Machine) -> Row:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        shutil.copytree(SAMPLES / name, folder)
        repository = committed(folder, truth["at"])
        detected = detect_imports(FolderText(folder))
        moment = moment_of(repository, folder, (), at=None, today=machine.today)
        proposal = try_out(propose(detected, moment, machine, NullProgress()), machine, NullProgress())
        outcomes = try_r(proposal.outcomes, shutil.which("Rscript"), os.environ, NullProgress())
    return judged(name, truth, replace(proposal, outcomes=outcomes), time.perf_counter() - begun)


def committed(folder: Path, day: date) -> Repository:
    """Make a repository of a folder, with one commit of that day."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    repository = Repository.init(folder)
    put: dict[str, Entry | None] = {
        path.relative_to(folder).as_posix(): Entry(repository.write_blob(path.read_bytes()), FILE)
        for path in files
    }
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    tree = repository.write_tree(None, put)
    commit = repository.write_commit(tree, [], "As it was", Signature("Ada", "ada@example.org", at))
    repository.update_ref(repository.head_ref(), commit, expected=None, reason="sample")
    return repository


def judged(name: str, truth: Mapping[str, Any], proposal: Proposal, seconds: float) -> Row:
    packages: dict[str, str] = truth.get("python", {})
    old: list[str] = truth.get("python2", {}).get("names", [])
    r: list[str] = truth.get("r", {}).get("names", [])
    python = {one.imported.module: one for one in proposal.outcomes if one.imported.language == "python"}
    of_r = {one.imported.module: one for one in proposal.outcomes if one.imported.language == "r"}
    found = sum(name in python for name in (*packages, *old)) + sum(name in of_r for name in r)
    expected = len(packages) + len(old) + len(r)
    mapped = sum(
        name in python and (python[name].imported.package or "").lower() == package
        for name, package in packages.items()
        if package
    )
    ready = {one.name for one in proposal.packages if one.is_resolved}
    resolved = sum(package in ready for package in packages.values() if package)
    counted = [one for one in python.values() if is_counted(one)]
    known = sum(bool(package) for package in packages.values())
    return Row(
        name,
        proposal,
        (found, expected),
        (mapped + sum(name in of_r for name in r), known + len(r)),
        (resolved, known),
        (sum(one.works is True for one in counted), len(counted)),
        (sum(one.works is True for one in of_r.values()), len(of_r)),
        seconds,
    )


def is_counted(one: Outcome) -> bool:
    """Every import counts but those of the standard library that work, and those that the code can do without."""
    return (one.works is not True and not one.imported.optional) or one.imported.kind == "package"


def totals(rows: list[Row]) -> list[str]:
    pairs = [(row.found, row.mapped, row.resolved, row.working, row.of_r) for row in rows]
    sums = [
        (sum(pair[0] for pair in column), sum(pair[1] for pair in column))
        for column in zip(*pairs, strict=True)
    ]
    return [f"{part}/{whole}" for part, whole in sums]


def line(cells: tuple[str, ...] | list[str]) -> str:
    widths = (20, 12, 8, 8, 8, 9, 8, 8, 7)
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def tell_failing(rows: list[Row]) -> None:
    for row in rows:
        print(f"\n{row.name}")
        for note in row.proposal.remarks:
            print(f"  note: {note}")
        for one in row.proposal.outcomes:
            if not one.works:
                can_do_without = " (the code can do without)" if one.imported.optional else ""
                print(f"  {one.imported.module}{can_do_without}: {one.reason}. {one.advice}")


if __name__ == "__main__":
    sys.exit(main())
