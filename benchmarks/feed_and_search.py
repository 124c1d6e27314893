"""How long the feed's pages and searches take in a trail of 100,000 records (TRAILMARK_BENCH_RECORDS)."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _figures import Figure, median_ms, show

from trailmark.activity.index import Index
from trailmark.activity.query import Filter
from trailmark.git import Repository, Signature
from trailmark.testing.trails import START, TrailShape, make_trail

RECORDS = int(os.environ.get("TRAILMARK_BENCH_RECORDS", "100000"))
GOAL_MS = 50
SEARCHES = (
    "mean",
    "frame_clean",
    "plot mea",
    "m",
    '"signal load"',
    "frame_c",
    "nowhere",
    "mean min cell plot",
)
FILTERS: tuple[dict[str, Any], ...] = (
    {"kind": "cell"},
    {"kind": "environment"},
    {"kind": "note"},
    {"tool": "jupyterlab"},
    {"tool": "trailmark"},
    {"notebook": "code/analysis-3.ipynb"},
    {"notebook": "code/nowhere.ipynb"},
    {"file": "output/00/00/00.csv"},
    {"file": "output"},
    {"file": "output/07"},
    {"file": "00.csv"},
    {"file": "*.csv"},
    {"file": "*/00/*.csv"},
    {"file": "*.png"},
    {"status": "error"},
    {"status": "lost"},
    {"person": "Ada Lovelace"},
    {"person": "Bob"},
    {"actor": "person"},
    {"actor": "program"},
    {"since": START, "until": START + 86400},
    {"since": START + RECORDS * 137 - 86400},
    {"until": START + 86400},
    {"branch": "main"},
    {"branch": "side"},
    {"branch": "nowhere"},
)
PAIRS: tuple[dict[str, Any], ...] = (
    {"status": "error", "tool": "terminal"},
    {"status": "error", "notebook": "code/analysis-3.ipynb"},
    {"status": "interrupted", "file": "output/07"},
    {"kind": "note", "file": "*.csv"},
    {"kind": "environment", "file": "*.csv"},
    {"notebook": "code/analysis-3.ipynb", "file": "output"},
    {"kind": "run", "branch": "main"},
    {"file": "*.csv", "branch": "main"},
    {"file": "*.csv", "branch": "side"},
    {"since": START, "until": START + 86400, "file": "*.csv"},
    {"since": START, "until": START + 86400, "kind": "note", "actor": "person"},
    {"status": "lost", "file": "*.csv", "branch": "main", "person": "Ada Lovelace"},
)
SEARCHED_WITH = ("mean", "frame_clean", "mean min cell plot")


def figures(index: Index, repository: Repository) -> Iterator[Figure]:
    """Yield what was measured."""

    def page(name: str, wanted: Filter) -> Figure:
        return Figure(name, median_ms(lambda: index.page(wanted, with_outside=True)), at_most=GOAL_MS)

    middle = index.page(Filter(until=START + RECORDS * 137 / 2), limit=1)[0].id
    yield Figure("asking git for news", median_ms(lambda: index.refresh(repository)))
    yield page("first page", Filter())
    yield Figure("a page in the middle", median_ms(lambda: index.page(before=middle)), at_most=GOAL_MS)
    for search in SEARCHES:
        yield page(f"search {search}", Filter(search=search))
    for wanted in (*FILTERS, *PAIRS):
        yield page(f"filter {in_words(wanted)}", Filter(**wanted))
    for search in SEARCHED_WITH:
        for wanted in (*FILTERS, *PAIRS):
            yield page(f"search {search}, {in_words(wanted)}", Filter(**wanted, search=search))
    yield Figure("what there is to choose from", median_ms(index.facets), at_most=GOAL_MS)
    yield Figure("number of records", median_ms(index.count), at_most=GOAL_MS)


def begin_side_branch(repository: Repository) -> None:
    """Make a branch that leaves the trail at its first record and has three new commits of plain git."""
    first = list(repository.iter_commits(repository.refs("refs/heads/")["refs/heads/main"]))[-1]
    tip = first.oid
    for number in range(3):
        author = Signature("Bob", "bob@example.org", START + RECORDS * 137 - 1000 * number)
        tip = repository.write_commit(first.tree, [tip], f"By hand {number}", author)
    repository.update_ref("refs/heads/side", tip, expected=None, reason="branch")


def in_words(wanted: dict[str, Any]) -> str:
    """Return a filter as a row of the table names it."""
    return ", ".join(f"{name} {value}" for name, value in wanted.items())


def main() -> int:
    """Print the figures; return 1 when a goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        repository = make_trail(Path(name) / "project", TrailShape(RECORDS, files=20_000))
        begin_side_branch(repository)
        with Index.open(Path(name) / "index.sqlite") as index:
            index.refresh(repository)
            return show(list(figures(index, repository)))


if __name__ == "__main__":
    sys.exit(main())
