"""Turning the work tree into another commit's, and losing nothing that git does not hold."""

import os
import time

import pytest

from trailmark.git import EXECUTABLE, FILE, LINK, Entry, Oid, Repository, checkout
from trailmark.git.checkout import CheckoutPlan, Pending


@pytest.fixture
def repository(tmp_path):
    return Repository.init(tmp_path / "work")


@pytest.fixture
def keep(tmp_path):
    return tmp_path / "kept"


def tree(repository, **files):
    """Store a tree: a name (`__` for a slash) and its text, or a pair of bytes and mode."""
    entries = {}
    for name, content in files.items():
        data, mode = content if isinstance(content, tuple) else (content.encode(), FILE)
        entries[name.replace("__", "/")] = Entry(repository.write_blob(data), mode)
    return repository.write_tree(None, entries)


def go(repository, old, new, keep):
    plan = checkout.plan_checkout(repository, old, new)
    return checkout.apply_checkout(repository, plan, keep=keep)


def present(repository):
    root = repository.path
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith(".git/") or name == ".git":
            continue
        if path.is_symlink():
            files[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            files[name] = path.read_text()
    return files


def test_files_are_written_changed_and_removed(repository, keep):
    one = tree(repository, a="1", code__b="1", old__c="1")
    two = tree(repository, a="2", code__b="1", new__deep__d="2", run=(b"#!", EXECUTABLE), link=(b"a", LINK))
    go(repository, None, one, keep)
    assert present(repository) == {"a": "1", "code/b": "1", "old/c": "1"}
    done = go(repository, one, two, keep)
    assert present(repository) == {"a": "2", "code/b": "1", "new/deep/d": "2", "run": "#!", "link": "-> a"}
    assert done.written == ("a", "link", "new/deep/d", "run")
    assert done.removed == ("old/c",)
    assert not (repository.path / "old").exists()
    assert os.access(repository.path / "run", os.X_OK)
    go(repository, two, one, keep)
    assert present(repository) == {"a": "1", "code/b": "1", "old/c": "1"}
    assert not keep.exists()


def test_what_git_does_not_hold_stays_where_it_is(repository, keep):
    one, two = tree(repository, data__a="1"), tree(repository, b="2")
    go(repository, None, one, keep)
    (repository.path / "data" / "big.bin").write_text("mine")
    done = go(repository, one, two, keep)
    assert present(repository) == {"b": "2", "data/big.bin": "mine"}
    assert not done.set_aside


@pytest.mark.parametrize("target", ["2", None])
def test_a_file_that_is_not_what_git_holds_is_set_aside(repository, keep, target):
    one = tree(repository, a="1", z="z")
    two = tree(repository, a=target, z="z") if target else tree(repository, z="z")
    go(repository, None, one, keep)
    (repository.path / "a").write_text("not committed")
    done = go(repository, one, two, keep)
    assert done.set_aside == {"a": keep / "a"}
    assert (keep / "a").read_text() == "not committed"
    assert present(repository).get("a") == target


def test_several_files_set_aside_under_one_name_are_all_kept(repository, keep):
    one, two = tree(repository, a="1"), tree(repository, a="2")
    for text in ("x", "y", "z"):
        (repository.path / "a").write_text(text)
        go(repository, one, two, keep)
    assert sorted(path.read_text() for path in keep.iterdir()) == ["x", "y", "z"]


def test_a_folder_in_the_way_of_a_file_is_set_aside_whole(repository, keep):
    one, two = tree(repository, z="z"), tree(repository, z="z", a="file")
    go(repository, None, one, keep)
    (repository.path / "a" / "b").mkdir(parents=True)
    (repository.path / "a" / "b" / "ignored").write_text("mine")
    done = go(repository, one, two, keep)
    assert present(repository) == {"a": "file", "z": "z"}
    assert (keep / "a" / "b" / "ignored").read_text() == "mine"
    assert set(done.set_aside) == {"a"}


def test_a_file_in_the_way_of_a_folder_is_set_aside(repository, keep):
    one, two = tree(repository, z="z"), tree(repository, z="z", a__b__c="c")
    go(repository, None, one, keep)
    (repository.path / "a").write_text("mine")
    go(repository, one, two, keep)
    assert present(repository) == {"a/b/c": "c", "z": "z"}
    assert (keep / "a").read_text() == "mine"


def test_a_file_becomes_a_folder_and_back(repository, keep):
    one, two = tree(repository, a="file"), tree(repository, a__b="inner")
    go(repository, None, one, keep)
    go(repository, one, two, keep)
    assert present(repository) == {"a/b": "inner"}
    go(repository, two, one, keep)
    assert present(repository) == {"a": "file"}
    assert not keep.exists()


def test_nothing_is_written_through_a_link(repository, keep, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b").write_text("theirs")
    one, two = tree(repository, z="z"), tree(repository, z="z", a__b="ours")
    (repository.path / "a").symlink_to(outside)
    go(repository, one, two, keep)
    assert (outside / "b").read_text() == "theirs"
    assert (repository.path / "a" / "b").read_text() == "ours"
    assert (keep / "a").is_symlink()


def test_a_link_is_replaced_not_followed(repository, keep, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    one, two = tree(repository, a=(str(victim).encode(), LINK)), tree(repository, a="ours")
    go(repository, None, one, keep)
    go(repository, one, two, keep)
    assert victim.read_text() == "theirs"
    assert present(repository) == {"a": "ours"}


def test_only_the_executable_bit_changes(repository, keep):
    one, two = tree(repository, a="1"), tree(repository, a=(b"1", EXECUTABLE))
    go(repository, None, one, keep)
    go(repository, one, two, keep)
    assert os.access(repository.path / "a", os.X_OK)
    assert not keep.exists()


def test_a_plan_can_be_applied_twice_and_from_any_point(repository, keep):
    one = tree(repository, a="1", b="1", c__d="1")
    two = tree(repository, a="2", b="2", e__f="2")
    plan = checkout.plan_checkout(repository, one, two)
    for count in range(len(plan.changes) + 1):
        go(repository, None, one, keep)
        checkout.apply_checkout(repository, CheckoutPlan(plan.changes[:count]), keep=keep)
        checkout.apply_checkout(repository, plan, keep=keep)
        again = checkout.apply_checkout(repository, plan, keep=keep)
        assert present(repository) == {"a": "2", "b": "2", "e/f": "2"}
        assert not again.written
        assert not again.removed
        go(repository, two, one, keep)
    assert not keep.exists()


def test_a_half_written_temporary_file_is_no_obstacle(repository, keep):
    one, two = tree(repository, a="1"), tree(repository, a="2")
    go(repository, None, one, keep)
    (repository.path / checkout.present.temporary_name("a")).write_text("half")
    go(repository, one, two, keep)
    assert present(repository) == {"a": "2"}


def test_a_form_that_counts_as_the_same_is_not_set_aside(repository, keep):
    one, two = tree(repository, a="1"), tree(repository, a="2")
    (repository.path / "a").write_text("1 with an answer")
    plan = checkout.plan_checkout(repository, one, two)
    done = checkout.apply_checkout(
        repository, plan, keep=keep, canonical=lambda _, data: data.replace(b" with an answer", b"")
    )
    assert not done.set_aside
    assert present(repository) == {"a": "2"}


def test_a_projects_usual_folders_are_kept_when_they_get_empty(repository, keep):
    one, two = tree(repository, code__a="1", other__a="1", z="z"), tree(repository, z="z")
    go(repository, None, one, keep)
    go(repository, one, two, keep)
    assert (repository.path / "code").is_dir()
    assert not (repository.path / "other").exists()


def test_submodules_become_empty_folders_and_are_otherwise_left_alone(repository, keep):
    with_module = repository.write_tree(None, {"m": Entry(Oid("1" * 40), 0o160000)})
    without = tree(repository, a="1")
    go(repository, without, with_module, keep)
    assert (repository.path / "m").is_dir()
    (repository.path / "m" / "x").write_text("theirs")
    go(repository, with_module, without, keep)
    assert (repository.path / "m" / "x").read_text() == "theirs"


def test_a_refusing_folder_is_an_error_and_the_rest_can_follow_later(repository, keep):
    one, two = tree(repository, a="1", b="1"), tree(repository, a="2", b="2")
    go(repository, None, one, keep)
    blocked = keep.parent / "nowhere" / "kept"
    (keep.parent / "nowhere").write_text("a file, not a folder")
    (repository.path / "b").write_text("mine")
    plan = checkout.plan_checkout(repository, one, two)
    with pytest.raises(OSError, match="nowhere"):
        checkout.apply_checkout(repository, plan, keep=blocked)
    assert (repository.path / "b").read_text() == "mine"
    checkout.apply_checkout(repository, plan, keep=keep)
    assert present(repository) == {"a": "2", "b": "2"}


def test_an_announced_checkout_is_remembered_until_withdrawn(repository):
    assert checkout.announced(repository) is None
    pending = Pending(None, tree(repository, a="1"), "record x")
    checkout.announce(repository, pending)
    assert checkout.announced(repository) == pending
    checkout.withdraw(repository)
    assert checkout.announced(repository) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_announcement_is_forgotten(repository, damage):
    checkout.announce(repository, Pending(None, None, "x"))
    (repository.git_folder / "trailmark" / "pending-checkout.json").write_bytes(damage)
    assert checkout.announced(repository) is None


def test_many_files_are_put_in_place_in_reasonable_time(repository, keep):
    many = tree(repository, **{f"d{number % 20}__f{number}": str(number) for number in range(1500)})
    start = time.monotonic()
    go(repository, None, many, keep)
    assert time.monotonic() - start < 10
    assert len(present(repository)) == 1500


@pytest.mark.parametrize("can_exchange", [True, False])
@pytest.mark.parametrize("target", [{"a": "2"}, {}])
def test_what_is_written_at_the_last_moment_is_set_aside(repository, keep, monkeypatch, can_exchange, target):
    one, two = tree(repository, a="1", z="z"), tree(repository, z="z", **target)
    go(repository, None, one, keep)
    put, rename = checkout.move_to_free, os.rename

    def save(*_):
        """Save a file as editors do: the new content under another name, then renamed."""
        (repository.path / "a.new").write_text("theirs")
        rename(repository.path / "a.new", repository.path / "a")
        monkeypatch.setattr(os, "rename", rename)
        monkeypatch.setattr(checkout, "move_to_free", put)

    def moved(*arguments):
        save()
        return put(*arguments)

    def renamed(*arguments, **options):
        save()
        return rename(*arguments, **options)

    if target:
        monkeypatch.setattr(checkout, "move_to_free", moved)
        if not can_exchange:
            monkeypatch.setattr(checkout, "exchange", lambda *_: False)
    else:
        monkeypatch.setattr(os, "rename", renamed)
    done = go(repository, one, two, keep)
    assert present(repository) == {"z": "z", **target}
    assert done.set_aside["a"].read_text() == "theirs"


def test_what_a_program_still_writes_to_is_set_aside(repository, keep):
    one, two = tree(repository, a="1", b="1"), tree(repository, a="2")
    go(repository, None, one, keep)
    with (repository.path / "a").open("a") as first, (repository.path / "b").open("a") as second:
        plan = checkout.plan_checkout(repository, one, two)
        done = checkout.apply_checkout(repository, plan, keep=keep, in_use={"a", "b"})
        first.write(" and more")
        second.write(" and more")
    assert present(repository) == {"a": "2"}
    assert {path: kept.read_text() for path, kept in done.set_aside.items()} == {
        "a": "1 and more",
        "b": "1 and more",
    }


def test_what_a_kill_left_beside_its_place_is_let_go_the_next_time(repository, keep):
    one, two = tree(repository, a="1", b="1"), tree(repository, a="2", b="2")
    go(repository, None, two, keep)
    for name, text in (("a", "1"), ("b", "theirs")):
        (repository.path / checkout.present.temporary_name(name)).write_text(text)
    done = go(repository, one, two, keep)
    assert present(repository) == {"a": "2", "b": "2"}
    assert done.set_aside["b"].read_text() == "theirs"
    assert list(done.set_aside) == ["b"]
