"""Comparing the work tree with HEAD."""

import os
import subprocess
import time

import pygit2
import pytest

from trailmark.errors import Busy
from trailmark.git import EXECUTABLE, FILE, LINK, Entry, Repository, Signature, worktree
from trailmark.git.present import Found, HeldBack, is_git_name

LIMIT = 1000


@pytest.fixture
def repository(tmp_path):
    repository = Repository.init(tmp_path / "work")
    write(repository, "a.txt", "a\n")
    write(repository, "code/b.py", "b\n")
    write(repository, ".gitignore", "*.log\n.venv/\n")
    commit(repository, "a.txt", "code/b.py", ".gitignore")
    return repository


def write(repository, path, text):
    whole = repository.path / path
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.write_bytes(text if isinstance(text, bytes) else text.encode())


def read_file(repository, path, *, max_bytes):
    tree = repository.tree_of(repository.head())
    return worktree.read_file(repository, path, tree=tree, max_bytes=max_bytes)


def commit(repository, *paths, remove=()):
    changes = dict.fromkeys(remove)
    for path in paths:
        found = read_file(repository, path, max_bytes=10**9)
        changes[path] = Entry(repository.write_blob(found.data), found.mode)
    head = repository.head()
    tree = repository.write_tree(repository.tree_of(head), changes)
    new = repository.write_commit(
        tree, [head] if head else [], "x", Signature("a", "a@example.org", time.time())
    )
    repository.update_ref(repository.head_ref(), new, expected=head, reason="test")


def scan(repository, **options):
    return worktree.scan(repository, max_bytes=LIMIT, **options)


def git_status(repository):
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=repository.path, capture_output=True, text=True, check=True).stdout


def test_a_tree_as_committed_has_no_difference(repository):
    assert scan(repository) == worktree.Difference()


def test_new_changed_and_removed_files_are_found(repository):
    write(repository, "a.txt", "other\n")
    write(repository, "input/c.csv", "1\n")
    (repository.path / "code" / "b.py").unlink()
    assert scan(repository) == worktree.Difference(put=("a.txt", "input/c.csv"), removed=("code/b.py",))


def test_a_file_touched_but_not_changed_is_no_difference(repository):
    scan(repository)
    os.utime(repository.path / "a.txt", (1, 1))
    assert scan(repository).is_empty


def test_a_change_within_the_clocks_tick_is_found(repository):
    for number in range(50):
        write(repository, "a.txt", f"{number % 10}\n")
        assert scan(repository).put == ("a.txt",), number


def test_the_executable_bit_is_a_change(repository):
    (repository.path / "a.txt").chmod(0o755)
    assert scan(repository).put == ("a.txt",)
    assert read_file(repository, "a.txt", max_bytes=LIMIT).mode == EXECUTABLE


def test_ignored_files_are_not_there_unless_git_holds_them(repository):
    write(repository, "x.log", "1")
    write(repository, ".venv/lib/x.py", "1")
    assert scan(repository).is_empty
    assert read_file(repository, "x.log", max_bytes=LIMIT) is None
    assert read_file(repository, ".venv/lib/x.py", max_bytes=LIMIT) is None
    write(repository, ".gitignore", "a.txt\n")
    write(repository, "a.txt", "other")
    assert scan(repository).put == (".gitignore", ".venv/lib/x.py", "a.txt", "x.log")


def test_large_files_are_held_back(repository):
    write(repository, "big.bin", b"0" * (LIMIT + 1))
    assert scan(repository) == worktree.Difference(held_back=(HeldBack("big.bin", LIMIT + 1, "size"),))
    assert read_file(repository, "big.bin", max_bytes=LIMIT) is None


def test_a_file_that_grew_too_large_is_held_back_and_no_longer_held(repository):
    write(repository, "a.txt", b"0" * (LIMIT + 1))
    assert scan(repository) == worktree.Difference(
        removed=("a.txt",), held_back=(HeldBack("a.txt", LIMIT + 1, "size"),)
    )


def test_links_are_kept_as_links_and_never_followed(repository, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    (repository.path / "link").symlink_to("/etc/passwd")
    (repository.path / "folder").symlink_to(tmp_path / "outside")
    assert scan(repository).put == ("folder", "link")
    assert read_file(repository, "link", max_bytes=LIMIT) == Found(b"/etc/passwd", LINK)
    assert read_file(repository, "folder/secret", max_bytes=LIMIT) is None


def test_a_file_that_became_a_folder_and_back(repository):
    (repository.path / "a.txt").unlink()
    write(repository, "a.txt/inner", "1")
    assert scan(repository) == worktree.Difference(put=("a.txt/inner",), removed=("a.txt",))


def test_nested_repositories_are_reported_and_not_entered(repository):
    Repository.init(repository.path / "sub")
    write(repository, "sub/z.txt", "z")
    assert scan(repository).held_back == (HeldBack("sub", 0, "repository"),)
    assert scan(repository).is_empty
    assert read_file(repository, "sub/z.txt", max_bytes=LIMIT) is None


def test_files_that_git_holds_stay_held_when_a_repository_appears_around_them(repository):
    Repository.init(repository.path / "code")
    write(repository, "code/b.py", "changed\n")
    assert scan(repository).put == ("code/b.py",)
    assert scan(repository).removed == ()


def test_names_that_git_cannot_hold_are_reported(repository):
    with open(os.path.join(os.fsencode(repository.path), b"bad\xff.txt"), "w") as stream:
        stream.write("x")
    write(repository, "git~1", "x")
    write(repository, "new\nline é.txt", "x")
    difference = scan(repository)
    assert difference.put == ("new\nline é.txt",)
    assert {(held.path, held.reason) for held in difference.held_back} == {
        ("bad\\xff.txt", "name"),
        ("git~1", "name"),
    }


def test_pipes_and_folders_are_no_files(repository):
    os.mkfifo(repository.path / "pipe")
    assert read_file(repository, "pipe", max_bytes=LIMIT) is None
    assert read_file(repository, "code", max_bytes=LIMIT) is None
    assert scan(repository).is_empty


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", ".git/config", "code/../a.txt", "", "a\0b", ".GIT/x"]
)
def test_paths_that_lead_elsewhere_are_never_read(repository, path):
    assert read_file(repository, path, max_bytes=LIMIT) is None


@pytest.mark.parametrize("name", [".git", ".GIT", ".git.", ".git ", "git~1", ".g\u200cit", ".git::$DATA"])
def test_what_a_file_system_may_take_for_the_git_folder(name):
    assert is_git_name(name)


def test_attributes_of_the_tree_neither_convert_nor_run_anything(repository):
    write(repository, ".gitattributes", "*.txt text eol=crlf\n*.py filter=evil ident\n")
    raw = repository.raw.config
    raw["filter.evil.clean"] = f"touch {repository.path}/evil"
    raw["core.fsmonitor"] = f"touch {repository.path}/evil"
    raw["core.autocrlf"] = "true"
    commit(repository, ".gitattributes")
    assert scan(repository).is_empty
    write(repository, "a.txt", "a\r\n")
    write(repository, "code/b.py", "$Id$\n")
    assert scan(repository).put == ("a.txt", "code/b.py")
    commit(repository, "a.txt", "code/b.py")
    assert scan(repository).is_empty
    assert worktree.sync_index(repository)
    assert not (repository.path / "evil").exists()


def test_a_canonical_form_decides_what_counts_as_changed(repository):
    write(repository, "a.txt", "a\nsecret\n")

    def canonical(path, data):
        return data.replace(b"secret\n", b"")

    assert scan(repository).put == ("a.txt",)
    assert scan(repository, canonical=canonical).is_empty


def test_examining_some_paths_finds_what_a_scan_finds_there(repository):
    write(repository, "a.txt", "other\n")
    write(repository, "code/new/c.py", "c\n")
    write(repository, "x.log", "1")
    (repository.path / "code" / "b.py").unlink()

    def examine(*paths):
        return worktree.examine(repository, paths, max_bytes=LIMIT)

    assert examine("a.txt", "x.log", "nothing") == worktree.Difference(put=("a.txt",))
    assert examine("code") == worktree.Difference(put=("code/new/c.py",), removed=("code/b.py",))
    assert examine("code/new/c.py", "code/b.py") == examine("code")
    assert examine("../x", ".git/config", "") == worktree.Difference()


def test_a_removed_folder_is_examined_by_its_name(repository):
    (repository.path / "code" / "b.py").unlink()
    (repository.path / "code").rmdir()
    assert worktree.examine(repository, ["code"], max_bytes=LIMIT).removed == ("code/b.py",)


def test_the_index_is_brought_to_head_so_that_git_sees_a_clean_tree(repository):
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""
    write(repository, "a.txt", "other\n")
    write(repository, "c.txt", "c\n")
    commit(repository, "a.txt", "c.txt", remove=["code/b.py"])
    (repository.path / "code" / "b.py").unlink()
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""
    write(repository, "a.txt", "third\n")
    assert git_status(repository) == " M a.txt\n"


def test_the_index_follows_a_file_that_became_a_folder_and_back(repository):
    worktree.sync_index(repository)
    (repository.path / "a.txt").unlink()
    write(repository, "a.txt/deep/inner", "1")
    commit(repository, "a.txt/deep/inner", remove=["a.txt"])
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""
    (repository.path / "a.txt" / "deep" / "inner").unlink()
    (repository.path / "a.txt" / "deep").rmdir()
    (repository.path / "a.txt").rmdir()
    write(repository, "a.txt", "2")
    commit(repository, "a.txt", remove=["a.txt/deep/inner"])
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""


def test_a_person_who_holds_the_index_is_left_alone(repository):
    lock = repository.git_folder / "index.lock"
    lock.write_bytes(b"theirs")
    assert not worktree.sync_index(repository)
    assert lock.read_bytes() == b"theirs"
    lock.unlink()
    assert worktree.sync_index(repository)


def test_a_lock_that_a_killed_sync_left_is_known_by_its_file_and_removed(repository):
    worktree.sync_index(repository)
    copy = repository.git_folder / "index.trailmark"
    copy.write_bytes(b"half")
    os.link(copy, repository.git_folder / "index.lock")
    assert worktree.sync_index(repository)
    assert not (repository.git_folder / "index.lock").exists()
    assert git_status(repository) == ""


def test_a_copy_that_a_killed_sync_left_in_place_is_never_written_through(repository):
    worktree.sync_index(repository)
    os.link(repository.git_folder / "index", repository.git_folder / "index.trailmark")
    write(repository, "a.txt", "other\n")
    commit(repository, "a.txt")
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""


def test_a_damaged_index_of_ours_is_made_anew(repository):
    scan(repository)
    (repository.git_folder / "trailmark" / "index").write_bytes(b"DIRC nonsense")
    write(repository, "a.txt", "other\n")
    assert scan(repository).put == ("a.txt",)


def test_what_a_person_hid_from_git_is_still_seen(repository):
    worktree.sync_index(repository)
    command = ["git", "update-index", "--assume-unchanged", "a.txt"]
    subprocess.run(command, cwd=repository.path, check=True)
    write(repository, "a.txt", "other\n")
    assert scan(repository).put == ("a.txt",)


def git(repository, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=b", *arguments]
    return subprocess.run(command, cwd=repository.path, check=True, capture_output=True, text=True).stdout


def test_what_a_person_has_staged_stays_staged(repository):
    worktree.sync_index(repository)
    write(repository, "a.txt", "half\n")
    write(repository, "new.txt", "new\n")
    git(repository, "add", "a.txt", "new.txt")
    git(repository, "rm", "--cached", "-q", "code/b.py")
    write(repository, "a.txt", "half\nand more\n")
    write(repository, "cell.txt", "1\n")
    commit(repository, "cell.txt")
    for _ in range(2):
        assert worktree.sync_index(repository)
        assert git_status(repository) == "MM a.txt\nD  code/b.py\nA  new.txt\n?? code/\n"
    git(repository, "commit", "-q", "-m", "by hand")
    assert git(repository, "show", "HEAD:a.txt") == "half\n"
    assert git(repository, "show", "HEAD:cell.txt") == "1\n"
    write(repository, "a.txt", "by a cell\n")
    commit(repository, "a.txt")
    assert worktree.sync_index(repository)
    assert git_status(repository) == "?? code/\n"


def test_what_was_committed_since_is_not_taken_for_staged(repository):
    worktree.sync_index(repository)
    for text in ("first\n", "second\n", "third\n"):
        write(repository, "a.txt", text)
        git(repository, "add", "a.txt")
        commit(repository, "a.txt")
    write(repository, "a.txt", "fourth\n")
    commit(repository, "a.txt")
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""


def test_a_file_that_git_is_only_to_know_of_is_not_committed_empty(repository):
    worktree.sync_index(repository)
    write(repository, "new.txt", "content\n")
    git(repository, "add", "--intent-to-add", "new.txt")
    commit(repository, "new.txt")
    assert worktree.sync_index(repository)
    assert git_status(repository) == ""


def test_an_index_that_a_person_changes_meanwhile_is_left_alone(repository, monkeypatch):
    worktree.sync_index(repository)
    write(repository, "a.txt", "other\n")
    commit(repository, "a.txt")
    link = os.link

    def commit_first(source, target):
        write(repository, "by-hand.txt", "x")
        git(repository, "add", "by-hand.txt")
        link(source, target)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(os, "link", commit_first)
        assert not worktree.sync_index(repository)
    assert not (repository.git_folder / "index.lock").exists()
    assert worktree.sync_index(repository)
    assert git_status(repository) == "A  by-hand.txt\n"


def test_an_index_with_a_conflict_is_left_alone(repository):
    worktree.sync_index(repository)
    blob = git(repository, "rev-parse", "HEAD:a.txt").strip()
    lines = "".join(f"100644 {blob} {stage}\ta.txt\n" for stage in (1, 2, 3))
    command = ["git", "update-index", "--index-info"]
    subprocess.run(command, cwd=repository.path, check=True, input=f"0 {'0' * 40}\ta.txt\n{lines}", text=True)
    assert not worktree.sync_index(repository)
    assert "UU a.txt" in git_status(repository)


def test_the_index_is_left_alone_during_a_merge(repository):
    worktree.sync_index(repository)
    (repository.git_folder / "MERGE_HEAD").write_text(f"{repository.head()}\n")
    assert not worktree.sync_index(repository)


def test_submodules_are_left_as_they_are(repository):
    head = repository.head()
    tree = repository.write_tree(repository.tree_of(head), {"module": Entry(head, 0o160000)})
    new = repository.write_commit(tree, [head], "x", Signature("a", "b", time.time()))
    repository.update_ref(repository.head_ref(), new, expected=head, reason="test")
    assert scan(repository).is_empty
    pygit2.init_repository(repository.path / "module")
    assert scan(repository) == worktree.Difference()


def test_a_temporary_file_of_a_checkout_is_no_file_of_the_project(repository):
    write(repository, "code/.trailmark-0123456789ab.tmp", "half")
    assert scan(repository).is_empty


def test_an_empty_repository_can_be_scanned(tmp_path):
    repository = Repository.init(tmp_path / "empty")
    write(repository, "x", "1")
    assert scan(repository).put == ("x",)
    assert read_file(repository, "x", max_bytes=LIMIT) == Found(b"1", FILE)


def test_files_that_vanish_while_they_are_looked_at_are_looked_at_again(repository, monkeypatch):
    write(repository, "a.txt", "other\n")
    look, vanished = pygit2.Index.diff_to_workdir, []

    def vanish_once(index, *arguments):
        if not vanished:
            vanished.append(True)
            raise pygit2.GitError("could not find 'b.txt' to open")
        return look(index, *arguments)

    monkeypatch.setattr(pygit2.Index, "diff_to_workdir", vanish_once)
    assert scan(repository).put == ("a.txt",)


def test_a_folder_that_is_too_deep_for_git_is_named(repository):
    write(repository, "output/" + "deep/" * 110 + "x.txt", "x\n")
    with pytest.raises(Busy, match=r"output/deep/deep/… lies more than 100 folders deep"):
        scan(repository)
