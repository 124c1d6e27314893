import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trailmark.activity import Output, Recorded, Trail
from trailmark.activity.verify import verify
from trailmark.errors import Cancelled
from trailmark.git import Entry, Oid, Repository, Signature
from trailmark.git.integrity import damaged_packs
from trailmark.progress import NullProgress
from trailmark.testing.trails import TrailShape, make_trail

Doer = Callable[..., Recorded]
OUTPUTS = (Output("text/plain", b"hello"), Output("image/png", b"\x89PNG" + bytes(range(256))))


def git(trail: Trail, *words: str) -> str:
    environment = {
        "GIT_AUTHOR_NAME": "B",
        "GIT_AUTHOR_EMAIL": "b@x",
        "GIT_COMMITTER_NAME": "B",
        "PATH": "/usr/bin:/bin",
    }
    argv = ["git", "-C", str(trail.repository.path), *words]
    return subprocess.run(
        argv, check=True, capture_output=True, text=True, env={**environment, "GIT_COMMITTER_EMAIL": "b@x"}
    ).stdout


@pytest.fixture
def three(trail: Trail, do: Doer) -> list[Recorded]:
    return [do(f"n = {n}", put={f"data/{n}.txt": b"%d" % n}, outputs=OUTPUTS) for n in range(3)]


def rewrite_entry(trail: Trail, **facts: str) -> None:
    """Replace the newest entry of the chain by one that says something else."""
    repository = trail.repository
    tip = repository.find_ref(trail.ref)
    assert tip is not None
    commit = repository.commit(tip)
    message = commit.message
    for name, value in facts.items():
        lines = [
            f"Trailmark-{name.capitalize()}: {value}"
            if line.startswith(f"Trailmark-{name.capitalize()}:")
            else line
            for line in message.split("\n")
        ]
        message = "\n".join(lines)
    new = repository.write_commit(commit.tree, list(commit.parents), message, Signature("x", "x@x", 1))
    repository.update_ref(trail.ref, new, expected=tip, reason="tampering")


def test_a_sound_trail_is_ok(trail: Trail, three: list[Recorded]) -> None:
    verdict = verify(trail.repository)
    assert verdict.ok
    assert verdict.records == 3
    assert verdict.problems == ()


def test_an_empty_repository_is_ok(tmp_path: Path) -> None:
    assert verify(Repository.init(tmp_path / "p")).ok


def test_what_plain_git_does_is_no_fault(trail: Trail, three: list[Recorded], do: Doer) -> None:
    git(trail, "reset", "-q", "--hard")
    (trail.repository.path / "by-hand.txt").write_text("x")
    git(trail, "add", "by-hand.txt")
    git(trail, "commit", "-q", "-m", "by hand")
    git(trail, "checkout", "-q", "-b", "other", "HEAD~2")
    git(trail, "cherry-pick", "main~1")
    git(trail, "merge", "-q", "-m", "merge", "main")
    git(trail, "tag", "-a", "v1", "-m", "one")
    do("after")
    git(trail, "gc", "-q", "--prune=now")
    assert verify(Repository.open(trail.repository.path)).problems == ()


def test_a_branch_that_was_reset_keeps_its_records(trail: Trail, three: list[Recorded]) -> None:
    git(trail, "reset", "-q", "--hard", "HEAD~2")
    git(trail, "reflog", "expire", "--expire=now", "--all")
    git(trail, "gc", "-q", "--prune=now")
    assert verify(Repository.open(trail.repository.path)).ok


def test_rewritten_history_is_found(trail: Trail, three: list[Recorded]) -> None:
    git(trail, "reset", "-q", "--hard")
    (trail.repository.path / "data" / "2.txt").write_text("forged")
    git(trail, "commit", "-q", "-a", "--amend", "--no-edit")
    (problem,) = verify(trail.repository).problems
    assert problem.record == three[2].id
    assert "rewritten" in problem.what


def test_a_commit_that_names_another_content_is_found(trail: Trail, three: list[Recorded]) -> None:
    repository = trail.repository
    head = repository.head()
    assert head is not None
    message = repository.commit(head).message.replace(three[2].tree, three[1].tree)
    forged = repository.write_commit(repository.commit(head).tree, [head], message, Signature("x", "x@x", 1))
    repository.update_ref("refs/heads/main", forged, expected=head, reason="x")
    assert [problem.record for problem in verify(repository).problems] == [three[2].id]


def test_a_missing_chain_is_found(trail: Trail, three: list[Recorded]) -> None:
    trail.repository.delete_ref(trail.ref)
    verdict = verify(trail.repository)
    assert verdict.records == 0
    assert {problem.record for problem in verdict.problems} == {done.id for done in three}


def test_cutting_off_an_entry_alone_is_found(trail: Trail, three: list[Recorded]) -> None:
    repository = trail.repository
    tip = repository.find_ref(trail.ref)
    assert tip is not None
    repository.update_ref(trail.ref, repository.commit(tip).parents[0], expected=tip, reason="x")
    assert {problem.record for problem in verify(repository).problems} == {three[2].id}


@pytest.mark.parametrize("fact", ["tree", "commit", "record"])
def test_a_forged_entry_is_found(trail: Trail, three: list[Recorded], fact: str) -> None:
    other = {"tree": three[0].tree, "commit": str(three[0].commit), "record": three[0].id}
    rewrite_entry(trail, **{fact: other[fact]})
    assert not verify(trail.repository).ok


def test_a_record_that_no_entry_names_is_found(trail: Trail, three: list[Recorded]) -> None:
    repository = trail.repository
    tip = repository.find_ref(trail.ref)
    assert tip is not None
    commit = repository.commit(tip)
    extra = {"01AA/BB/CC/01AABBCC": Entry(three[0].tree, 0o040000)}
    tree = repository.write_tree(commit.tree, extra)
    new = repository.write_commit(tree, list(commit.parents), commit.message, Signature("x", "x@x", 1))
    repository.update_ref(trail.ref, new, expected=tip, reason="x")
    assert [problem.record for problem in verify(repository).problems] == ["01AABBCC"]


def test_an_output_that_is_not_what_was_recorded_is_found(trail: Trail, three: list[Recorded]) -> None:
    repository = trail.repository
    changed = {"outputs/000.txt": Entry(repository.write_blob(b"forged"))}
    tree = repository.write_tree(three[2].tree, changed)
    rewrite_entry(trail, tree=tree)
    problems = verify(repository).problems
    assert any("outputs/000.txt" in problem.what for problem in problems)


def test_a_missing_object_is_found(trail: Trail, three: list[Recorded]) -> None:
    repository = trail.repository
    blob = repository.children(three[1].tree)["record.json"].oid
    repository.objects.path_of(blob).unlink()
    problems = verify(Repository.open(repository.path)).problems
    assert {problem.record for problem in problems} == {three[1].id}


def every_object(repository: Repository) -> list[Path]:
    return sorted(path for path in repository.objects.folder.glob("??/*") if path.is_file())


def flip(path: Path, bit: int) -> bytes:
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(altered)
    return whole


def test_a_flipped_bit_in_any_loose_object_is_found(trail: Trail, three: list[Recorded]) -> None:
    chance = random.Random(7)
    for path in every_object(trail.repository):
        whole = flip(path, chance.randrange(path.stat().st_size * 8))
        assert not verify(Repository.open(trail.repository.path)).ok, path
        path.write_bytes(whole)
    assert verify(Repository.open(trail.repository.path)).ok


def test_a_flipped_bit_anywhere_in_a_pack_is_found(trail: Trail, three: list[Recorded]) -> None:
    git(trail, "gc", "-q")
    chance = random.Random(7)
    folder = trail.repository.objects.folder
    for path in [*folder.glob("pack/*.pack"), *folder.glob("pack/*.idx")]:
        for _ in range(20):
            whole = flip(path, chance.randrange(path.stat().st_size * 8))
            assert list(damaged_packs(folder)) == [path.name]
            assert not verify(Repository.open(trail.repository.path)).ok
            path.write_bytes(whole)


@pytest.mark.parametrize("junk", ["junk\n", "0" * 40 + "\n", ""])
def test_a_ref_that_cannot_be_read_is_found(trail: Trail, three: list[Recorded], junk: str) -> None:
    (trail.repository.git_folder / trail.ref).write_text(junk)
    assert not verify(Repository.open(trail.repository.path)).ok


def test_a_shallow_clone_is_ok_as_far_as_it_goes(trail: Trail, three: list[Recorded], tmp_path: Path) -> None:
    source = f"file://{trail.repository.path}"
    subprocess.run(["git", "clone", "-q", "--depth", "2", source, tmp_path / "c"], check=True)
    problems = verify(Repository.open(tmp_path / "c")).problems
    assert all("record is missing" in problem.what for problem in problems)


def test_it_tells_where_it_stands_and_can_be_stopped(tmp_path: Path) -> None:
    repository = make_trail(tmp_path / "p", TrailShape(1200))

    class Listener(NullProgress):
        fractions: list[float | None] = []  # noqa: RUF012

        def step(self, message: str, fraction: float | None = None) -> None:
            self.fractions.append(fraction)

        @property
        def cancelled(self) -> bool:  # type: ignore[override]
            return len([fraction for fraction in self.fractions if fraction]) > 1

    with pytest.raises(Cancelled):
        verify(repository, Listener())
    assert verify(repository).problems == ()


def test_the_id_of_an_object_is_its_hash(trail: Trail) -> None:
    oid = trail.repository.write_blob(b"x")
    assert trail.repository.objects.read(Oid(oid)) == ("blob", b"x")
