"""What is remembered of rebuilds: the newest of each lock on each engine."""

from dataclasses import replace

from trailmark.environments.verify import Difference
from trailmark.projects.proofs import Proof, find_proofs, keep_proof
from trailmark.projects.standing import EnvironmentStanding, standing_facts, standing_of

LOCK = "a" * 64
LOCAL = Proof(LOCK, 1.0, "local", ok=True, compared={"packages": 3, "files": 9, "parts": 2}, seconds=2.5)
DOCKER = replace(
    LOCAL, when=2.0, engine="docker", image="trailmark/a:latest", image_id="sha256:b", base="debian"
)
CAUSES = (
    Difference("/opt/a", "another file", "1", "2"),
    Difference("zlib (apt)", "another version", "1", "2"),
    Difference("/opt/b", "another file", "1", None),
)  # fmt: skip


def test_each_engine_has_its_own(project):
    for proof in (LOCAL, DOCKER, replace(LOCAL, digest="b" * 64, when=5.0)):
        keep_proof(project, proof)
    assert find_proofs(project, LOCK) == (DOCKER, LOCAL)
    assert find_proofs(project, LOCK)[0] == DOCKER
    again = replace(LOCAL, when=3.0, ok=False, differences=CAUSES, more=4)
    keep_proof(project, again)
    assert find_proofs(project, LOCK) == (again, DOCKER)
    assert find_proofs(project, "c" * 64) == ()


def test_proofs_of_an_earlier_form_are_read(project):
    (project.state / "proofs.json").write_text(
        '[{"digest": "a", "when": 1.0, "engine": "local", "ok": true, "compared": {}, "supplied": ["x"],'
        ' "differences": []}]'
    )
    assert find_proofs(project, "a") == (Proof("a", 1.0, "local", ok=True, compared={}, supplied=("x",)),)


def test_differences_are_told_by_cause():
    assert replace(LOCAL, differences=CAUSES).by_cause == {
        "another file": (CAUSES[0], CAUSES[2]),
        "another version": (CAUSES[1],),
    }


def test_one_that_was_not_equal_is_not_hidden_by_another(project):
    standing = standing_of(project, {})
    unequal = replace(LOCAL, ok=False, differences=CAUSES[:1])
    found = EnvironmentStanding(**{**vars(standing), "proofs": (DOCKER, unequal)})
    assert found.proof == unequal
    facts = standing_facts(found)
    assert [one["engine"] for one in facts["proofs"]] == ["docker", "local"]
    assert facts["proof"]["differences"][0]["cause"] == "another file"
    assert facts["proofs"][0]["image"] == "trailmark/a:latest"
    assert EnvironmentStanding(**{**vars(standing), "proofs": (DOCKER, LOCAL)}).proof == DOCKER
