"""Packing loose objects."""

import subprocess

import pytest

from trailmark.git import Entry, Repository, Signature
from trailmark.git.pack import estimate_loose, pack_loose

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
