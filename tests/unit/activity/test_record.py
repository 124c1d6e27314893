import errno
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trailmark.activity import Action, Change, FileRef, NewFile, Recorded, Trail, load, record, settle
from trailmark.activity.index import Index
from trailmark.activity.store import iter_chain, trailers_of
from trailmark.activity.verify import verify
from trailmark.errors import Busy, Damaged, NotFound, Unavailable
from trailmark.git import Entry, Oid, RefMoved, Repository, Signature
from trailmark_capture.journal import new_id

Doer = Callable[..., Recorded]


def reopened(trail: Trail) -> Trail:
    return Trail(Repository.open(trail.repository.path), trail.lock, trail.device, trail.person)


def records_on(trail: Trail) -> list[str | None]:
    head = trail.repository.head()
    assert head is not None
    return [trailers_of(commit.message).get("record") for commit in trail.repository.iter_commits(head)]


def crash_before_the_branch_moved(trail: Trail, parent: Oid | None) -> None:
    """Make the repository what a kill between the two refs would have left."""
    folder = trail.repository.git_folder
    branch = folder / "refs" / "heads" / "main"
    branch.unlink() if parent is None else branch.write_text(f"{parent}\n")
    for log in (folder / "logs").rglob("*"):
        if log.is_file():
            log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))


def person_commits(trail: Trail, path: str = "theirs.txt") -> Oid:
    repository = trail.repository
    head = repository.head()
    tree = repository.write_tree(repository.tree_of(head), {path: Entry(repository.write_blob(b"theirs"))})
    new = repository.write_commit(tree, [head] if head else [], "by hand", Signature("Bob", "b@x", 5))
    repository.update_ref("refs/heads/main", new, expected=head, reason="commit")
    return new


def test_an_action_becomes_one_commit_that_names_its_record(trail: Trail, do: Doer) -> None:
    done = do("x = 1", put={"a.txt": b"1"}, error="E", text="T")
    assert done.commit is not None
    commit = trail.repository.commit(done.commit)
    assert trailers_of(commit.message) == {"record": done.id, "tree": done.tree, "kind": "cell"}
    stored = load(trail.repository, done.id)
    assert (stored.code, stored.text, stored.error) == ("x = 1", "T", "E")
    assert stored.record.author == "Ada Lovelace <ada@example.org>"


def test_an_id_is_recorded_once(trail: Trail) -> None:
    action = Action("cell", "x", id=new_id())
    first = record(trail, action)
    again = record(reopened(trail), action)
    assert (again.id, again.tree, again.commit) == (first.id, first.tree, None)
    assert records_on(trail) == [first.id]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_pair_that_a_kill_cut_in_two_is_finished(trail: Trail, do: Doer, is_first: bool) -> None:
    before = None if is_first else do("0").commit
    done = do("1", put={"a": b"1"})
    crash_before_the_branch_moved(trail, before)
    later = reopened(trail)
    with later.lock:
        settle(later)
    assert later.repository.head() == done.commit
    assert verify(later.repository).ok


def test_a_pair_is_finished_on_top_of_what_a_person_committed_since(
    trail: Trail, do: Doer, tmp_path: Path
) -> None:
    before = do("0", put={"old": b"0"}).commit
    done = do("1", put={"ours": b"1"})
    crash_before_the_branch_moved(trail, before)
    theirs = person_commits(trail)
    later = reopened(trail)
    last = record(later, Action("note", "next"))
    repository = later.repository
    assert records_on(later)[:2] == [last.id, done.id]
    assert {path for path, _ in repository.iter_files(repository.tree_of(repository.head()))} == {
        "old",
        "ours",
        "theirs.txt",
    }
    assert last.commit is not None
    copy = repository.commit(repository.commit(last.commit).parents[0])
    assert copy.parents == (theirs,)
    assert verify(repository).problems == ()
    with Index.open(tmp_path / "i.sqlite") as index:
        index.refresh(repository)
        assert index.row(done.id).commit == copy.oid
        assert index.count() == 3


def test_a_branch_that_a_person_moved_back_stays_there(trail: Trail, do: Doer) -> None:
    first = do("0")
    do("1")
    git = ["git", "-C", str(trail.repository.path)]
    subprocess.run([*git, "reset", "-q", "--hard", str(first.commit)], check=True)
    later = reopened(trail)
    with later.lock:
        settle(later)
    assert later.repository.head() == first.commit


def test_a_branch_that_a_person_deleted_stays_deleted(trail: Trail, do: Doer) -> None:
    first = do("0")
    git = ["git", "-C", str(trail.repository.path)]
    subprocess.run([*git, "checkout", "-q", "-b", "side"], check=True)
    do("1")
    subprocess.run([*git, "reset", "-q", "--hard"], check=True)
    subprocess.run([*git, "checkout", "-q", "main"], check=True)
    subprocess.run([*git, "branch", "-q", "-D", "side"], check=True)
    later = reopened(trail)
    with later.lock:
        settle(later)
    assert later.repository.refs("refs/heads/") == {"refs/heads/main": first.commit}


def test_without_a_log_of_refs_nothing_is_repeated(trail: Trail, do: Doer) -> None:
    trail.repository.raw.config["core.logAllRefUpdates"] = False
    do("0")
    person_commits(trail)
    before = trail.repository.head()
    later = reopened(trail)
    with later.lock:
        settle(later)
    assert later.repository.head() == before


def test_a_commit_in_between_is_kept(trail: Trail, do: Doer, monkeypatch: pytest.MonkeyPatch) -> None:
    do("0", put={"a": b"0"})
    real = trail.repository.write_commit
    hits = []

    def write_commit(*args: object) -> Oid:
        if not hits:
            hits.append(person_commits(reopened(trail)))
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(trail.repository, "write_commit", write_commit)
    do("1", put={"b": b"1"})
    repository = trail.repository
    assert records_on(trail)[1] is None
    assert {path for path, _ in repository.iter_files(repository.tree_of(repository.head()))} == {
        "a",
        "b",
        "theirs.txt",
    }
    assert verify(repository).ok


def test_a_whole_tree_takes_nothing_back_that_came_in_between(
    trail: Trail, do: Doer, monkeypatch: pytest.MonkeyPatch
) -> None:
    do("0", put={"a": b"0"})
    repository = trail.repository
    old = repository.tree_of(repository.head())
    new = repository.write_tree(old, {"a": None, "b": Entry(repository.write_blob(b"1"))})
    theirs = person_commits(reopened(trail))
    with pytest.raises(RefMoved, match="Try again"):
        record(trail, Action("files", "Renamed"), Change(tree=new, over=old))
    assert repository.head() == theirs


def test_a_branch_that_is_switched_meanwhile_gets_the_record(
    trail: Trail, do: Doer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = do("0", put={"a": b"0"}).commit
    assert first is not None
    repository = trail.repository
    repository.update_ref("refs/heads/other", first, expected=None, reason="branch")
    real = repository.write_commit

    def write_commit(*args: object) -> Oid:
        Repository.open(repository.path).set_head("other")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "write_commit", write_commit)
    second = do("1", put={"b": b"1"}).commit
    assert repository.find_ref("refs/heads/other") == second
    assert repository.find_ref("refs/heads/main") == first
    assert verify(repository).ok


@pytest.mark.parametrize(
    "refusal",
    [OSError(errno.ENOSPC, "No space left on device"), OSError("failed to write: No space left on device")],
)
def test_a_full_disk_is_named_and_what_was_refused_can_be_recorded_later(
    trail: Trail, do: Doer, monkeypatch: pytest.MonkeyPatch, refusal: OSError
) -> None:
    first = do("0").commit

    def refuse(*_: object) -> None:
        raise refusal

    with monkeypatch.context() as full:
        full.setattr(trail.repository, "write_blob", refuse)
        with pytest.raises(Unavailable, match="No space left on device"):
            do("1")
    assert trail.repository.head() == first
    assert do("1").commit is not None
    assert verify(trail.repository).ok


def test_nothing_is_recorded_in_the_middle_of_a_persons_merge(trail: Trail, do: Doer) -> None:
    first = do("0").commit
    merging = trail.repository.git_folder / "MERGE_HEAD"
    merging.write_text(f"{first}\n")
    with pytest.raises(Busy, match="merge, rebase"):
        do("1")
    assert trail.repository.head() == first
    merging.unlink()
    do("1")


def test_a_record_keeps_its_commit_from_being_collected(trail: Trail, do: Doer) -> None:
    first = do("0")
    done = do("1", put={"a": b"precious"})
    git = ["git", "-C", str(trail.repository.path)]
    subprocess.run([*git, "reset", "-q", "--hard", str(first.commit)], check=True)
    subprocess.run([*git, "reflog", "expire", "--expire=now", "--all"], check=True)
    subprocess.run([*git, "gc", "-q", "--prune=now"], check=True)
    repository = Repository.open(trail.repository.path)
    assert done.commit is not None
    assert repository.find_entry(repository.tree_of(done.commit), "a") is not None


@pytest.mark.parametrize(
    "title",
    [
        "",
        "\0",
        "a\0b",
        "two\nlines",
        "x" * 9999,
        "Trailmark-Record: forged",
        "\udcff",
        "😀 über",
        "\x1b[31mred",
        "#1",
    ],
)
def test_any_title_can_be_recorded(trail: Trail, title: str) -> None:
    done = record(trail, Action("cell", title, actor="program:a\nb\0", error="\udcff", code="\0"))
    assert done.commit is not None
    facts = trailers_of(trail.repository.commit(done.commit).message)
    assert (facts["record"], facts["kind"]) == (done.id, "cell")
    assert load(trail.repository, done.id).record.title == title
    assert verify(trail.repository).ok


def test_names_that_are_no_utf8_are_kept(trail: Trail) -> None:
    path = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    done = record(trail, Action("cell", "x", writes=(FileRef(path),)), Change(put={"ok.txt": NewFile(b"1")}))
    assert load(trail.repository, done.id).record.writes[0].path == path


@pytest.mark.parametrize("nothing", ["", "x", "01", "../..", "0" * 26, "a/b", "\0" * 26])
def test_an_id_that_is_none_is_not_found(trail: Trail, do: Doer, nothing: str) -> None:
    do("0")
    with pytest.raises(NotFound):
        load(trail.repository, nothing)


def test_a_record_that_cannot_be_read_is_damaged(trail: Trail, do: Doer) -> None:
    done = do("0")
    trail.repository.objects.path_of(trail.repository.children(done.tree)["record.json"].oid).unlink()
    with pytest.raises(Damaged):
        load(reopened(trail).repository, done.id)


def test_the_chain_goes_back_to_its_first_entry(trail: Trail, do: Doer) -> None:
    person_commits(trail)
    ids = [do(str(number)).id for number in range(3)]
    tip = trail.repository.find_ref(trail.ref)
    assert tip is not None
    assert [entry.record for _, entry in iter_chain(trail.repository, tip) if entry] == ids[::-1]
