"""How long the feed's pages and searches take in a trail of 100,000 records (TRAILMARK_BENCH_RECORDS)."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _figures import Figure, median_ms, show

from trailmark.activity.index import Index
from trailmark.activity.query import Filter
from trailmark.git import Repository
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
FILTERS = (
    Filter(kind="note"),
    Filter(kind="environment"),
    Filter(status="error", tool="terminal"),
    Filter(notebook="code/analysis-3.ipynb"),
    Filter(file="output"),
    Filter(file="00.csv"),
    Filter(branch="main"),
    Filter(since=START, until=START + 86400),
    Filter(search="mean", kind="environment"),
    Filter(search="mean", file="00.csv"),
    Filter(search="mean", branch="main"),
)


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
    for wanted in FILTERS:
        chosen = ", ".join(f"{name} {value}" for name, value in vars(wanted).items() if value is not None)
        yield page(f"filter {chosen}", wanted)
    yield Figure("what there is to choose from", median_ms(index.facets), at_most=GOAL_MS)
    yield Figure("number of records", median_ms(index.count), at_most=GOAL_MS)


def main() -> int:
    """Print the figures; return 1 when a goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        repository = make_trail(Path(name) / "project", TrailShape(RECORDS, files=20_000))
        with Index.open(Path(name) / "index.sqlite") as index:
            index.refresh(repository)
            return show(list(figures(index, repository)))


if __name__ == "__main__":
    sys.exit(main())
