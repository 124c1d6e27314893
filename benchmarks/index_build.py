"""How fast the index of a trail is built from git's objects, packed and loose.

TRAILMARK_BENCH_RECORDS sets how many records the packed trail has (100,000 as a rule); a tenth lie loose.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from _figures import Figure, show

from trailmark.activity.index import Index
from trailmark.git import Repository
from trailmark.testing.trails import TrailShape, make_trail

RECORDS = int(os.environ.get("TRAILMARK_BENCH_RECORDS", "100000"))
GOAL = 5000


def build(folder: Path, shape: TrailShape) -> float:
    """Return how many records a second are taken in."""
    make_trail(folder, shape)
    begun = time.perf_counter()
    with Index.open(folder.with_suffix(".sqlite")) as index:
        index.refresh(Repository.open(folder))
        seconds = time.perf_counter() - begun
        assert index.count() == shape.records
    return shape.records / seconds


def main() -> int:
    """Print the figures; return 1 when the goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed = build(folder / "packed", TrailShape(RECORDS, files=2000))
        loose = build(folder / "loose", TrailShape(RECORDS // 10, files=2000, packed=False))
    return show(
        [
            Figure(f"index of {RECORDS:,} records, packed", packed, "records/s", at_least=GOAL),
            Figure(f"index of {RECORDS // 10:,} records, loose", loose, "records/s", at_least=GOAL),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
