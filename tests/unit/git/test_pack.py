"""Packing loose objects."""

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from trailmark.git import Entry, Repository, Signature
from trailmark.git.pack import count_packs, estimate_loose, pack_loose

WHO = Signature("Ada", "ada@example.org", 1.0)


@pytest.fixture
def repository(tmp_path):
    repository = Repository.init(tmp_path)
    tip = None
    for number in range(400):
        tree = repository.write_tree(None, {f"f{number}": Entry(repository.write_blob(b"%d" % number))})
        tip = repository.write_commit(tree, [tip] if tip else [], "more", WHO)
    repository.update_ref("refs/heads/main", tip, expected=None, reason="test")
    return repository


def loose(repository):
    return list((repository.git_folder / "objects").glob("??/*"))


def test_reachable_objects_are_packed_and_the_others_are_left(repository):
    kept = repository.write_blob(b"nobody names me yet")
    repository.flush()
    commits = list(repository.iter_commits(repository.head()))
    assert estimate_loose(repository) > 0
    assert pack_loose(repository, enough=1)
    assert [path.parent.name + path.name for path in loose(repository)] == [kept]
    assert list(repository.iter_commits(repository.head())) == commits
    assert list(Repository.open(repository.path).iter_commits(repository.head())) == commits
    checked = subprocess.run(["git", "fsck", "--strict"], cwd=repository.path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_few_objects_are_left_alone(repository):
    before = loose(repository)
    assert not pack_loose(repository)
    assert loose(repository) == before


def test_a_hook_of_the_repository_does_not_run(repository, tmp_path):
    mark = tmp_path / "ran"
    hooks = repository.git_folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-auto-gc", "post-rewrite"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    (repository.git_folder / "config").open("a").write(f'[core]\n\tfsmonitor = "touch {mark}"\n')
    pack_loose(repository, enough=1)
    assert not mark.exists()


def append(repository, number):
    tip = repository.head()
    tree = repository.write_tree(None, {f"f{number}": Entry(repository.write_blob(b"%d" % number))})
    new = repository.write_commit(tree, [tip] if tip else [], "more", WHO)
    repository.update_ref("refs/heads/main", new, expected=tip, reason="test")
    return new


def test_many_packs_are_joined_and_nothing_is_lost(repository):
    for number in range(25):
        append(repository, 1000 + number)
        pack_loose(repository, enough=0)
    assert count_packs(repository) < 22
    commits = list(repository.iter_commits(repository.head()))
    assert len(commits) == 425
    assert list(Repository.open(repository.path).iter_commits(repository.head())) == commits
    subprocess.run(["git", "fsck", "--strict"], cwd=repository.path, check=True, capture_output=True)


def test_others_read_and_write_while_packs_come_and_go(repository):
    written = []
    with ThreadPoolExecutor(1) as pool:
        packing = pool.submit(
            lambda: [pack_loose(Repository.open(repository.path), enough=0) for _ in range(10)]
        )
        while not packing.done():
            written.append(append(repository, len(written)))
            assert repository.tree_of(written[len(written) // 2]) is not None
    assert len(packing.result()) == 10
    assert len(list(Repository.open(repository.path).iter_commits(repository.head()))) == 400 + len(written)


def test_killed_while_packing_nothing_is_lost(repository, tmp_path):
    program = (
        "import sys; from pathlib import Path; from trailmark.git import Repository\n"
        "from trailmark.git.pack import pack_loose\n"
        "print('go', flush=True); pack_loose(Repository.open(Path(sys.argv[1])), enough=0)"
    )
    for milliseconds in range(0, 60, 5):
        append(repository, 5000 + milliseconds)
        process = subprocess.Popen(
            [sys.executable, "-c", program, repository.path],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        process.stdout.readline()
        time.sleep(milliseconds / 1000)
        for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.Error):
                child.kill()
        process.communicate()
    assert len(list(Repository.open(repository.path).iter_commits(repository.head()))) == 412
    subprocess.run(["git", "fsck", "--strict"], cwd=repository.path, check=True, capture_output=True)
    assert pack_loose(Repository.open(repository.path), enough=0)


def test_what_a_killed_one_left_is_removed_after_a_day(repository):
    folder = repository.git_folder / "objects" / "pack"
    folder.mkdir(exist_ok=True)
    left = ["tmp_pack_a1B2c3", "tmp_idx_a1B2c3", ".tmp-4711-pack-0123.pack", ".tmp-4711-pack-0123.idx"]
    others = ["tmp_pack_fresh", "pack-0123.keep"]
    for name in (*left, *others):
        (folder / name).write_bytes(b"half")
    for name in (*left, "pack-0123.keep"):
        os.utime(folder / name, (time.time() - 90_000,) * 2)
    assert not pack_loose(repository)
    assert sorted(path.name for path in folder.iterdir()) == sorted(others)
