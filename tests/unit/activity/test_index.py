import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from trailmark.activity import FileRef, Recorded, Trail
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.git import Entry, Repository, Signature
from trailmark.testing.trails import TrailShape, make_trail
from trailmark_capture.journal import new_id

Doer = Callable[..., Recorded]
T0 = 1_760_000_000.0


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "state" / "index.sqlite") as opened:
        yield opened


def codes(rows: list[Row]) -> list[str | None]:
    return [row.code for row in rows]


def plain_commit(trail: Trail, message: str, *, path: str = "x.txt") -> str:
    """Commit as a person's own git would: no record, no lock."""
    repository = trail.repository
    head = repository.head()
    tree = repository.write_tree(
        repository.tree_of(head), {path: Entry(repository.write_blob(message.encode()))}
    )
    author = Signature("Bob", "bob@example.org", T0 + 500)
    commit = repository.write_commit(tree, [head] if head else [], message, author)
    repository.update_ref(repository.head_ref(), commit, expected=head, reason="commit")
    return commit


def test_newest_first_page_by_page(trail: Trail, do: Doer, index: Index) -> None:
    for number in range(7):
        do(f"n = {number}", started=T0 + number)
    assert index.refresh(trail.repository) == 14
    first = index.page(limit=3)
    assert codes(first) == ["n = 6", "n = 5", "n = 4"]
    assert codes(index.page(before=first[-1].id, limit=3)) == ["n = 3", "n = 2", "n = 1"]
    assert codes(index.page(after=first[1].id)) == ["n = 6"]
    assert index.refresh(trail.repository) == 0


def test_a_row_says_what_the_feed_needs(trail: Trail, do: Doer, index: Index) -> None:
    wrote = FileRef("out.csv", "a" * 64, 3)
    done = do(
        "fit()",
        started=T0,
        seconds=2.5,
        writes=(wrote,),
        error="E" * 9000 + "end",
        status="error",
        tool="lab",
    )
    index.refresh(trail.repository)
    row = index.row(done.id)
    assert (row.commit, row.tree, row.device) == (done.commit, done.tree, "desk")
    assert (row.status, row.seconds, row.tool, row.writes) == ("error", 2.5, "lab", (wrote,))
    assert row.error is not None
    assert row.error.endswith("end")
    assert len(row.error) < 5000


def test_a_long_action_stands_where_it_was_recorded(trail: Trail, do: Doer, index: Index) -> None:
    do("short", started=T0 + 50, seconds=1)
    do("long", started=T0, seconds=100)
    do("clock went back", started=T0 - 900)
    index.refresh(trail.repository)
    assert codes(index.page()) == ["clock went back", "long", "short"]


def test_devices_are_merged_by_time(trail: Trail, do: Doer, index: Index) -> None:
    do("desk 1", started=T0)
    do("desk 2", started=T0 + 20)
    trail.device = "laptop"
    trail.settled = None
    do("laptop 1", started=T0 + 10)
    index.refresh(trail.repository)
    assert codes(index.page()) == ["desk 2", "laptop 1", "desk 1"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(kind="note"), ["remember"]),
        (Filter(status="error"), ["broken"]),
        (Filter(tool="terminal"), ["ls"]),
        (Filter(notebook="code/a.ipynb"), ["broken", "read_csv('x')"]),
        (Filter(file="input/x.csv"), ["read_csv('x')"]),
        (Filter(file="input"), ["read_csv('x')"]),
        (Filter(file="x.csv"), ["read_csv('x')"]),
        (Filter(file="in*.csv"), ["read_csv('x')"]),
        (Filter(file="[x].csv"), []),
        (Filter(actor="program"), ["ls"]),
        (Filter(actor="program:agent"), ["ls"]),
        (Filter(actor="person", kind="cell"), ["broken", "read_csv('x')"]),
        (Filter(person="Ada Lovelace", kind="note"), ["remember"]),
        (Filter(person="Bob"), []),
        (Filter(since=T0 + 2), ["remember", "ls"]),
        (Filter(until=T0 + 1), ["read_csv('x')"]),
        (Filter(search="CSV", kind="cell"), ["read_csv('x')"]),
        (Filter(branch="main", kind="command"), ["ls"]),
        (Filter(branch="nope"), []),
    ],
)
def test_filters(trail: Trail, do: Doer, index: Index, wanted: Filter, expected: list[str]) -> None:
    do("read_csv('x')", started=T0, source="code/a.ipynb#1", reads=(FileRef("input/x.csv"),))
    do("broken", started=T0 + 1, source="code/a.ipynb#2", status="error")
    do("ls", started=T0 + 2, kind="command", tool="terminal", actor="program:agent")
    do("remember", started=T0 + 3, kind="note")
    index.refresh(trail.repository)
    assert codes(index.page(wanted)) == expected
    assert index.count(wanted) == len(expected)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("read_csv", True),
        ("csv", True),
        ("read_c", True),
        ("pd.read_csv", True),
        ('"read csv"', True),
        ('"csv read"', False),
        ("csv read", True),
        ("temperature celsius", True),
        ("temperature kelvin", False),
        ("überlauf", True),
        ("uberlauf", True),
        ("ValueError", True),
        ("Titel", True),
        ("tempera", True),
        ("tempera csv", False),
        ('"unbalanced', False),
        ('"read csv', True),
        ("AND OR NOT", False),
        ("code:read", False),
        ("read*", True),
        ("(", False),
        ("'; DROP TABLE records; --", False),
        ("*", False),
        ("^read", True),
        ("read\0csv", True),
        ("\udcff", False),
    ],
)
def test_search_finds_words_and_never_fails(
    trail: Trail, do: Doer, index: Index, search: str, found: bool
) -> None:
    do("df = pd.read_csv('x')", title="Titel", text="temperature in celsius Überlauf", error="ValueError: no")
    index.refresh(trail.repository)
    assert bool(index.page(Filter(search=search))) is found


def test_a_note_makes_its_record_findable(trail: Trail, do: Doer, index: Index) -> None:
    done = do("fit()")
    index.refresh(trail.repository)
    note = do("", kind="note", title="n", text="surprisingly good", detail={"about": done.id})
    index.refresh(trail.repository)
    assert {row.id for row in index.page(Filter(search="surprisingly"))} == {done.id, note.id}
    assert {row.id for row in index.page(Filter(search="fit"))} == {done.id}
    assert index.row(done.id).notes == 1


def test_ids_are_found_by_their_beginning(trail: Trail, do: Doer, index: Index) -> None:
    one = do("1", id=new_id(T0), started=T0)
    two = do("2", id=new_id(T0), started=T0)
    index.refresh(trail.repository)
    assert index.resolve(one.id) == one.id
    assert index.resolve(one.id[:14].lower()) == one.id
    assert one.commit is not None
    assert index.resolve(one.commit[:10]) == one.id
    with pytest.raises(InvalidInput, match=two.id):
        index.resolve(one.id[:10])
    for nothing in ("", "ZZZ", "%", "deadbeef"):
        with pytest.raises(NotFound):
            index.resolve(nothing)


def test_commits_of_plain_git_are_shown_when_asked_for(trail: Trail, do: Doer, index: Index) -> None:
    do("1", started=T0)
    outside = plain_commit(trail, "By hand\n\nwith a body")
    do("2", started=T0 + 1000)
    index.refresh(trail.repository)
    assert codes(index.page()) == ["2", "1"]
    rows = index.page(with_outside=True)
    assert [row.kind for row in rows] == ["cell", "outside", "cell"]
    assert (rows[1].id, rows[1].title, rows[1].author) == (outside, "By hand", "Bob <bob@example.org>")
    assert not rows[1].is_record
    assert [row.id for row in index.page(Filter(search="body"), with_outside=True)] == [outside]


def test_a_commit_without_its_record_is_shown_and_the_record_takes_its_place(
    trail: Trail, do: Doer, index: Index, tmp_path: Path
) -> None:
    do("1", started=T0)
    done = do("2", started=T0 + 10)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", trail.repository.path, clone], check=True)
    repository = Repository.open(clone)
    index.refresh(repository)
    rows = index.page(with_outside=True)
    assert [(row.kind, row.title) for row in rows] == [("missing", "2"), ("missing", "1")]
    fetch = ["git", "-C", clone, "fetch", "-q", "origin", "refs/trailmark/*:refs/trailmark/*"]
    subprocess.run(fetch, check=True)
    index.refresh(repository)
    assert [row.kind for row in index.page(with_outside=True)] == ["cell", "cell"]
    assert index.count(Filter(search="2")) == 1
    assert index.resolve(str(done.commit)[:12]) == done.id


def test_branches_share_what_is_before_them(trail: Trail, do: Doer, index: Index) -> None:
    repository = trail.repository
    do("shared", started=T0)
    base = repository.head()
    assert base is not None
    do("main", started=T0 + 1)
    index.refresh(repository)
    repository.update_ref("refs/heads/side", base, expected=None, reason="branch")
    repository.set_head("side")
    do("side", started=T0 + 2)
    index.refresh(repository)
    assert codes(index.page(Filter(branch="side"))) == ["side", "shared"]
    assert codes(index.page(Filter(branch="main"))) == ["main", "shared"]
    assert dict(index.facets().branches) == {"main": 2, "side": 2}
    side = repository.find_ref("refs/heads/side")
    repository.update_ref("refs/heads/side", base, expected=side, reason="reset")
    index.refresh(repository)
    assert codes(index.page(Filter(branch="side"))) == ["shared"]
    assert codes(index.page()) == ["side", "main", "shared"]


def test_a_merge_brings_in_what_the_other_branch_holds(trail: Trail, do: Doer, index: Index) -> None:
    repository = trail.repository
    do("shared", started=T0)
    base = repository.head()
    assert base is not None
    repository.update_ref("refs/heads/side", base, expected=None, reason="branch")
    repository.set_head("side")
    do("side", started=T0 + 1)
    side = repository.head()
    repository.set_head("main")
    do("main", started=T0 + 2)
    main = repository.head()
    assert main is not None
    assert side is not None
    author = Signature("Bob", "b@example.org", T0 + 3)
    merge = repository.write_commit(str(repository.tree_of(main)), [main, side], "Merge", author)  # type: ignore[arg-type]
    repository.update_ref("refs/heads/main", merge, expected=main, reason="merge")
    index.refresh(repository)
    assert codes(index.page(Filter(branch="main"))) == ["main", "side", "shared"]
    assert codes(index.page(Filter(branch="side"))) == ["side", "shared"]


def test_who_wrote_and_who_read_a_file(trail: Trail, do: Doer, index: Index) -> None:
    old = do("w1", started=T0, writes=(FileRef("a", "1" * 64),))
    new = do("w2", started=T0 + 1, writes=(FileRef("a", "2" * 64),))
    read = do("r", started=T0 + 2, reads=(FileRef("a", "1" * 64),))
    index.refresh(trail.repository)
    assert index.find_writer("a").id == new.id  # type: ignore[union-attr]
    assert index.find_writer("a", "1" * 64).id == old.id  # type: ignore[union-attr]
    assert index.find_writer("a", before=new.id).id == old.id  # type: ignore[union-attr]
    assert index.find_writer("b") is None
    assert [row.id for row in index.readers("a", "1" * 64)] == [read.id]


def test_facets_count(trail: Trail, do: Doer, index: Index) -> None:
    do("1", tool="jupyterlab", source="code/a.ipynb#1")
    do("2", tool="jupyterlab")
    do("3", kind="note")
    plain_commit(trail, "outside")
    index.refresh(trail.repository)
    facets = index.facets()
    assert dict(facets.kinds) == {"cell": 2, "note": 1, "outside": 1}
    assert dict(facets.tools) == {"jupyterlab": 2}
    assert dict(facets.notebooks) == {"code/a.ipynb": 1}
    assert dict(facets.persons) == {"Ada Lovelace": 3, "Bob": 1}


@pytest.mark.parametrize("harm", ["deleted", "junk", "cut", "page", "version"])
def test_an_unusable_index_is_made_anew(tmp_path: Path, harm: str) -> None:
    repository = make_trail(tmp_path / "p", TrailShape(300))
    path = tmp_path / "index.sqlite"
    with Index.open(path) as index:
        index.refresh(repository)
        before = index.page(limit=500)
    _harm(path, harm)
    with Index.open(path) as index:
        index.refresh(repository)
        assert index.page(limit=500) == before


def _harm(path: Path, harm: str) -> None:
    data = path.read_bytes()
    if harm == "deleted":
        path.unlink()
    elif harm == "junk":
        path.write_bytes(b"junk" * 5000)
    elif harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif harm == "page":
        path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    else:
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 99")
        database.close()


def test_an_open_index_notices_that_its_file_was_replaced(
    trail: Trail, do: Doer, index: Index, tmp_path: Path
) -> None:
    do("1")
    index.refresh(trail.repository)
    (tmp_path / "state" / "index.sqlite").unlink()
    with Index.open(tmp_path / "state" / "index.sqlite") as other:
        other.refresh(trail.repository)
        do("2")
        index.refresh(trail.repository)
        assert index.count() == other.count() == 2


def test_records_that_git_no_longer_has_are_forgotten(trail: Trail, do: Doer, index: Index) -> None:
    do("1")
    before = trail.repository.find_ref(trail.ref)
    assert before is not None
    do("2")
    index.refresh(trail.repository)
    now = trail.repository.find_ref(trail.ref)
    trail.repository.update_ref(trail.ref, before, expected=now, reason="tampering")
    index.refresh(trail.repository)
    assert index.count() == 1
    assert [row.kind for row in index.page(with_outside=True)] == ["missing", "cell"]


def test_a_damaged_record_is_shown_as_such(trail: Trail, do: Doer, index: Index) -> None:
    done = do("1", title="Precious")
    path = trail.repository.objects.path_of(trail.repository.children(done.tree)["record.json"].oid)
    path.chmod(0o644)
    path.write_bytes(b"rot")
    index.refresh(trail.repository)
    (row,) = index.page()
    assert (row.id, row.title, row.kind) == (done.id, "Precious", "cell")
    assert row.detail["damaged"]


def test_many_processes_build_one_index(tmp_path: Path) -> None:
    make_trail(tmp_path / "p", TrailShape(400))
    with ProcessPoolExecutor(4) as pool:
        counts = list(pool.map(_build, [tmp_path] * 8))
    assert counts == [400] * 8


def _build(folder: Path) -> int:
    with Index.open(folder / "index.sqlite") as index:
        index.refresh(Repository.open(folder / "p"))
        return index.count()


def test_rebuilding_gives_the_same_order(trail: Trail, do: Doer, index: Index, tmp_path: Path) -> None:
    for number in range(5):
        do(str(number), started=T0 + number % 2)
        index.refresh(trail.repository)
    with Index.open(tmp_path / "other.sqlite") as other:
        other.refresh(trail.repository)
        assert [replace(row, place=0) for row in other.page()] == [
            replace(row, place=0) for row in index.page()
        ]


def test_refreshing_while_another_records_never_starts_anew(trail: Trail, do: Doer, tmp_path: Path) -> None:
    do("0")
    path = tmp_path / "index.sqlite"
    with Index.open(path) as index:
        index.refresh(trail.repository)
        inode = path.stat().st_ino
        with ProcessPoolExecutor(2) as pool:
            running = [pool.submit(_refresh_often, path, trail.repository.path) for _ in range(2)]
            for number in range(40):
                do(str(number))
                index.refresh(trail.repository)
            assert [future.result() for future in running] == [inode, inode]
        index.refresh(trail.repository)
        assert index.count() == 41


def _refresh_often(path: Path, project: Path) -> int:
    repository = Repository.open(project)
    with Index.open(path) as index:
        for _ in range(60):
            index.refresh(repository)
    return path.stat().st_ino


def test_an_index_that_cannot_be_written_is_an_error_with_words(trail: Trail, do: Doer, index: Index) -> None:
    do("1")
    index.refresh(trail.repository)
    do("2")
    index._database.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable, match="trail itself is intact"):
        index.refresh(trail.repository)
    assert index.count() == 1


def test_a_window_holds_the_newest_and_follows(trail: Trail, do: Doer, index: Index, tmp_path: Path) -> None:
    for number in range(9):
        do(f"n = {number}", started=T0 + number)
    plain_commit(trail, "by hand")
    assert index.is_far_behind(trail.repository, 9)
    assert not index.is_far_behind(trail.repository, 11)
    index.refresh(trail.repository, newest=4)
    assert codes(index.page()) == ["n = 8", "n = 7", "n = 6", "n = 5"]
    assert codes(index.page(Filter(branch="main"))) == ["n = 8", "n = 7", "n = 6"], "and the one made by hand"
    do("n = 9", started=T0 + 900)
    index.refresh(trail.repository, newest=4)
    assert codes(index.page(limit=2)) == ["n = 9", "n = 8"]
    assert codes(index.page(Filter(search="9"))) == ["n = 9"]
    for number in range(10, 20):
        do(f"n = {number}", started=T0 + 1000 + number)
    index.refresh(trail.repository, newest=4)
    assert codes(index.page()) == ["n = 19", "n = 18", "n = 17", "n = 16"], "made anew when it fell behind"
    with Index.open(tmp_path / "whole.sqlite") as whole:
        whole.refresh(trail.repository)
        assert not whole.is_far_behind(trail.repository, 1)
        assert whole.count() == 20


def test_what_lies_before_a_window_is_not_missing(trail: Trail, do: Doer, index: Index) -> None:
    do("first", started=T0)
    do("second", started=T0 + 1)
    trail.device = "laptop"
    trail.settled = None
    for number in range(3):
        do(f"laptop {number}", started=T0 + 2 + number)
    trail.device = "desk"
    trail.settled = None
    do("third", started=T0 + 9)
    index.refresh(trail.repository, newest=1)
    assert codes(index.page(with_outside=True)) == ["third", "laptop 2"]
    index.refresh(trail.repository, newest=2)
    assert all(row.is_record for row in index.page(with_outside=True))


def test_a_history_without_records_has_a_window_too(trail: Trail, index: Index) -> None:
    for number in range(6):
        plain_commit(trail, f"by hand {number}")
    assert index.is_far_behind(trail.repository, 6)
    index.refresh(trail.repository, newest=2)
    assert [row.title for row in index.page(with_outside=True)] == ["by hand 5", "by hand 4"]
