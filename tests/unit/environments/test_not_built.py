"""What keeps a lock from being built again is named by package; failures of other kinds are none of it."""

import pytest

from trailmark.environments.not_built import why_not_built

UV = """x Failed to download `six==1.17.0`
Hash mismatch for `six==1.17.0`
Expected:
  sha256:00aa
Computed:
  sha256:11bb
"""
DIGEST = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("said", "what", "cause", "recorded", "rebuilt"),
    [
        (UV, "six", "what the index has is not what the lock has", "sha256:00aa", "sha256:11bb"),
        (
            "E: Version '9.9-1' for 'tree:amd64' was not found",
            "tree (apt)",
            "its source does not have this version",
            "9.9-1",
            None,
        ),
        (
            "E: Version '9' for 'tree' was not found\n",
            "tree (apt)",
            "its source does not have this version",
            "9",
            None,
        ),
        ("E: Unable to locate package trea\n", "trea (apt)", "its source does not have it", None, None),
        (
            "x\ntree_2.1.0-1_amd64.deb: FAILED\nsha256sum: WARNING: 1 computed checksum did NOT match\n",
            "tree (apt)",
            "what the source has is not what the lock has",
            "2.1.0-1",
            None,
        ),
        (
            f"/cran/a.tar.gz is not the file that the lock names: its MD5 is {DIGEST}\nError: a.b 1.0-1 could"
            " not be had as the lock names it",
            "a.b (r)",
            "what the source has is not what the lock has",
            "1.0-1",
            f"md5:{DIGEST}",
        ),
        (
            "Error: alpha 9 could not be had as the lock names it",
            "alpha (r)",
            "its source does not have this version",
            "9",
            None,
        ),
        (
            f"ValueError: libgdal-core-3.8-0.conda is not the file that the lock names: its sha256 is {DIGEST}.",
            "libgdal-core (conda)",
            "what the source has is not what the lock has",
            "libgdal-core-3.8-0.conda",
            DIGEST,
        ),
    ],
)
def test_it_is_named(said, what, cause, recorded, rebuilt):
    (found,) = why_not_built(said)
    assert (found.what, found.cause, found.recorded, found.rebuilt) == (what, cause, recorded, rebuilt)


@pytest.mark.parametrize(
    "said", ["", "no space left on device", "Could not connect to the index", "E: Hash Sum mismatch"]
)
def test_what_is_no_fault_of_the_lock_is_no_difference(said):
    assert why_not_built(said) == ()


@pytest.mark.parametrize(
    "said",
    [
        "manifest for h/base@sha256:11 not found: manifest unknown: manifest unknown",
        "initializing source docker://h/base@sha256:11: reading manifest sha256:11 in h/base: manifest unknown",
    ],
)
def test_a_base_that_is_nowhere(said):
    (found,) = why_not_built(said, "h/base@sha256:11")
    assert (found.what, found.cause, found.recorded) == (
        "base",
        "its registry does not have it",
        "h/base@sha256:11",
    )
