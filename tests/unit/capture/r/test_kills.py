"""R is killed at any moment: what it had ended is told once, what it was doing is lost once."""

import random
import time

import pytest

from trailmark_capture.journal import Entry
from trailmark_capture.r.expressions import Expressions

from .conftest import Desk, figures

pytestmark = pytest.mark.needs("R")


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_or_told_twice(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    console = desk.start()
    # No more than a terminal holds before it is read.
    lines = [f"cat({n}, '\\n', file = 'did.txt', append = TRUE); plot({n})" for n in range(60)]
    console.send("".join(f"{line}\n" for line in lines))
    taken: list[Entry] = []
    until = time.monotonic() + chance.uniform(0.2, 1.5)
    while time.monotonic() < until:
        console.look()
        Expressions(desk.config, taken.append).drain()
    console.kill()
    Expressions(desk.config, taken.append).drain()
    found = [entry for entry in taken if entry["type"] == "end"]
    oracle = desk.project / "did.txt"
    did = oracle.read_text().split() if oracle.exists() else []
    assert len({entry["id"] for entry in found}) == len(found)
    assert [entry["status"] for entry in found[:-1]] == ["ok"] * (len(found) - 1)
    told = [entry["code"].split(",")[0] for entry in found if entry["code"].startswith("cat")]
    assert told[: len(did)] == [f"cat({number}" for number in did]
    assert len(told) <= len(did) + 1
    drawn = [entry for entry in found if entry["code"].startswith("plot") and entry["status"] == "ok"]
    assert all(figures(entry) == 1 for entry in drawn)
    assert {entry["id"] for entry in taken if entry["type"] == "begin"} <= {entry["id"] for entry in found}
    assert Expressions(desk.config, taken.append).drain() == 0
