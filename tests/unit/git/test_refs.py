"""Moving refs: together, only from where they are, and so that a kill leaves nothing to clean up by hand."""

import os
import subprocess

import pytest

from trailmark.errors import AlreadyExists, Busy, Damaged, InvalidInput, NotFound
from trailmark.git import Entry, RefMove, RefMoved, Repository, Signature, refs

WHO = Signature("Ada", "ada@example.org", 1.0)
MAIN = "refs/heads/main"


@pytest.fixture
def repository(tmp_path):
    return Repository.init(tmp_path / "r")


def commit(repository, text, *parents):
    tree = repository.write_tree(None, {"a": Entry(repository.write_blob(text.encode()))})
    return repository.write_commit(tree, list(parents), text, WHO)


def git(repository, *words):
    argv = ["git", "-C", str(repository.path), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def test_all_move_or_none(repository):
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref(MAIN, one, expected=None, reason="first")
    with pytest.raises(RefMoved):
        repository.update_refs([RefMove("refs/heads/x", None, two, "r"), RefMove(MAIN, two, one, "r")])
    assert repository.refs("refs/") == {MAIN: one}
    repository.update_refs([RefMove("refs/heads/x", None, two, "r"), RefMove(MAIN, one, two, "r")])
    assert repository.refs("refs/") == {MAIN: two, "refs/heads/x": two}
    assert not list(repository.git_folder.rglob("*.lock"))


def test_a_new_ref_must_not_exist(repository):
    one = commit(repository, "1")
    repository.update_ref(MAIN, one, expected=None, reason="first")
    with pytest.raises(RefMoved):
        repository.update_ref(MAIN, one, expected=None, reason="again")


def test_git_sees_the_moves_and_their_log(repository):
    one = commit(repository, "1")
    two = commit(repository, "2", one)
    repository.update_ref(MAIN, one, expected=None, reason="first\nline")
    repository.update_ref(MAIN, two, expected=one, reason="second")
    repository.update_ref("refs/trailmark/records/desk", one, expected=None, reason="unlogged")
    assert git(repository, "rev-parse", "main") == two
    assert git(repository, "reflog", "show", "--format=%H %gs", "main").split("\n") == [
        f"{two} second",
        f"{one} first line",
    ]
    assert git(repository, "reflog", "show", "--format=%gs", "HEAD").split("\n") == ["second", "first line"]
    assert not (repository.git_folder / "logs" / "refs" / "trailmark").exists()
    assert repository.was_at(MAIN, one)
    assert repository.was_at("HEAD", two)
    git(repository, "fsck", "--strict")


def test_a_packed_ref_moves(repository):
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref("refs/heads/deep/er", one, expected=None, reason="r")
    git(repository, "pack-refs", "--all", "--prune")
    repository.update_ref("refs/heads/deep/er", two, expected=one, reason="r")
    assert git(repository, "rev-parse", "deep/er") == two


def test_a_detached_head_moves(repository):
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref(MAIN, one, expected=None, reason="r")
    git(repository, "checkout", "-q", "--detach")
    repository.update_ref("HEAD", two, expected=one, reason="r")
    assert git(repository, "rev-parse", "HEAD") == two
    assert repository.find_ref(MAIN) == one


def test_names_that_stand_in_each_others_way_are_refused(repository):
    one = commit(repository, "1")
    repository.update_ref("refs/heads/a", one, expected=None, reason="r")
    repository.update_ref("refs/heads/b/c", one, expected=None, reason="r")
    for name in ("refs/heads/a/b", "refs/heads/b"):
        with pytest.raises(AlreadyExists):
            repository.update_ref(name, one, expected=None, reason="r")
    repository.delete_ref("refs/heads/b/c")
    repository.update_ref("refs/heads/b", one, expected=None, reason="r")
    with pytest.raises(InvalidInput):
        repository.update_ref("refs/heads/--output=x", one, expected=None, reason="r")


def test_another_programs_lock_is_waited_for_and_never_removed(repository, monkeypatch):
    monkeypatch.setattr(refs, "WAIT_SECONDS", 0.05)
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref(MAIN, one, expected=None, reason="r")
    lock = repository.git_folder / f"{MAIN}.lock"
    lock.write_text("")
    with pytest.raises(Busy, match=r"main\.lock"):
        repository.update_ref(MAIN, two, expected=one, reason="r")
    repository.release_stale_locks()
    repository.release_stale_locks([MAIN])
    assert lock.exists()
    assert not (lock.parent / ".main.lock").exists()
    lock.unlink()
    repository.update_ref(MAIN, two, expected=one, reason="r")


@pytest.mark.parametrize("names", [None, [MAIN]])
@pytest.mark.parametrize("linked", [True, False])
def test_what_a_killed_process_left_is_removed(repository, names, linked):
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref(MAIN, one, expected=None, reason="r")
    own = repository.git_folder / "refs" / "heads" / ".main.lock"
    own.write_text(f"{two}\n")
    if linked:
        os.link(own, own.with_name("main.lock"))
    repository.release_stale_locks(names)
    assert sorted(path.name for path in own.parent.iterdir()) == ["main"]
    repository.update_ref(MAIN, two, expected=one, reason="r")


def test_a_second_name_of_the_living_ref_does_no_harm(repository):
    one, two, three = (commit(repository, text) for text in "123")
    repository.update_ref(MAIN, one, expected=None, reason="r")
    heads = repository.git_folder / "refs" / "heads"
    os.link(heads / "main", heads / ".main.lock")
    repository.update_ref(MAIN, two, expected=one, reason="r")
    repository.release_stale_locks()
    repository.update_ref(MAIN, three, expected=two, reason="r")
    assert git(repository, "rev-parse", "main") == three


def test_a_linked_work_tree_shares_the_refs(repository, tmp_path):
    one, two = commit(repository, "1"), commit(repository, "2")
    repository.update_ref(MAIN, one, expected=None, reason="r")
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "w"))
    side = Repository.open(tmp_path / "w")
    assert side.branch() == "side"
    side.update_ref("refs/heads/side", two, expected=one, reason="r")
    side.flush()
    assert git(repository, "rev-parse", "side") == two


@pytest.mark.parametrize("bit", range(0, 8 * 40, 7))
def test_a_damaged_object_is_an_error_and_never_a_hang(repository, bit):
    oid = repository.write_blob(b"hello hello hello hello, this is content\n" * 3)
    path = repository.objects.path_of(oid)
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(data)
    try:
        assert repository.blob(oid).startswith(b"hello")
    except Damaged:
        return


def test_what_is_not_there_is_not_found(repository):
    for nothing in ("0" * 40, "nonsense", "", "../../etc/passwd"):
        with pytest.raises(NotFound):
            repository.blob(nothing)
    with pytest.raises(NotFound):
        repository.commit(repository.write_blob(b"x"))
    with pytest.raises(NotFound):
        repository.blob_size("1" * 40)


def test_sizes_are_known_loose_and_packed(repository):
    data = b"abc" * 100_000
    oid = repository.write_blob(data)
    tree = repository.write_tree(None, {"a": Entry(oid)})
    repository.update_ref(MAIN, repository.write_commit(tree, [], "m", WHO), expected=None, reason="r")
    assert repository.blob_size(oid) == len(data)
    git(repository, "gc", "-q")
    assert Repository.open(repository.path).blob_size(oid) == len(data)
    assert Repository.open(repository.path).blob(oid) == data


def test_objects_of_a_borrowed_repository_are_read(repository, tmp_path):
    oid = repository.write_blob(b"x")
    tree = repository.write_tree(None, {"a": Entry(oid)})
    repository.update_ref(MAIN, repository.write_commit(tree, [], "m", WHO), expected=None, reason="r")
    subprocess.run(["git", "clone", "-q", "--shared", repository.path, tmp_path / "c"], check=True)
    assert Repository.open(tmp_path / "c").blob(oid) == b"x"


def test_refs_of_a_folder_are_listed_loose_and_packed(repository):
    one, two = commit(repository, "1"), commit(repository, "2")
    for name in ("refs/heads/b/c", "refs/heads/a", "refs/headsless/x", "refs/trailmark/records/desk"):
        repository.update_ref(name, one, expected=None, reason="r")
    git(repository, "pack-refs", "--all", "--prune")
    repository.update_ref("refs/heads/a", two, expected=one, reason="r")
    repository.update_ref("refs/heads/z", two, expected=None, reason="r")
    (repository.git_folder / "refs/heads/.z.lock").write_text("x")
    (repository.git_folder / "refs/heads/junk").write_text("junk\n")
    git(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/z")
    git(repository, "symbolic-ref", "refs/heads/nowhere", "refs/heads/none")
    assert repository.refs("refs/heads/") == {
        "refs/heads/a": two,
        "refs/heads/alias": two,
        "refs/heads/b/c": one,
        "refs/heads/z": two,
    }
    assert repository.refs("refs/nothing/") == {}
