from collections.abc import Callable
from pathlib import Path

from trailmark.activity import FileRef, Recorded, Trail
from trailmark.activity.index import Index
from trailmark.activity.lineage import find_origin, find_uses, iter_ancestry

Doer = Callable[..., Recorded]
T0 = 1_760_000_000.0


def ref(path: str, digit: str) -> FileRef:
    return FileRef(path, digit * 64)


def test_a_figure_answers_for_itself(trail: Trail, do: Doer, tmp_path: Path) -> None:
    raw = do("download", started=T0, writes=(ref("input/raw.csv", "1"),))
    clean = do("clean", started=T0 + 1, reads=(ref("input/raw.csv", "1"),), writes=(ref("clean.csv", "2"),))
    plot = do("plot", started=T0 + 2, reads=(ref("clean.csv", "2"),), writes=(ref("fig.png", "3"),))
    do("clean again", started=T0 + 3, reads=(ref("input/raw.csv", "1"),), writes=(ref("clean.csv", "4"),))
    with Index.open(tmp_path / "i.sqlite") as index:
        index.refresh(trail.repository)
        assert [origin.writer.id for origin in iter_ancestry(index, "fig.png")] == [plot.id, clean.id, raw.id]
        assert [row.id for row in find_uses(index, "clean.csv", "2" * 64)] == [plot.id]
        assert find_origin(index, "by-hand.txt") is None


def test_a_file_that_is_read_and_written_in_turns_does_not_go_round(
    trail: Trail, do: Doer, tmp_path: Path
) -> None:
    for number in range(4):
        do(
            f"{number}",
            started=T0 + number,
            reads=(ref("a", str(number)),),
            writes=(ref("a", str(number + 1)),),
        )
    with Index.open(tmp_path / "i.sqlite") as index:
        index.refresh(trail.repository)
        assert [origin.writer.code for origin in iter_ancestry(index, "a")] == ["3", "2", "1", "0"]
