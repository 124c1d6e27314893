"""Files arrive in pieces, and an upload goes on where it was interrupted."""

import os
import time
from pathlib import Path

import pytest

from trailmark.errors import InvalidInput, NotFound, Unavailable
from trailmark.web.uploads import OutOfStep, Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "state")


def test_pieces_make_up_the_file(uploads: Uploads) -> None:
    upload = uploads.begin("input/a.csv", 10)
    assert not uploads.add(upload.id, 0, b"01234").is_whole
    assert uploads.add(upload.id, 5, b"56789").is_whole
    assert uploads.file_of(upload.id).read_bytes() == b"0123456789"


def test_the_same_file_goes_on_where_it_was(uploads: Uploads) -> None:
    upload = uploads.begin("input/a.csv", 10, "1700000000")
    uploads.add(upload.id, 0, b"01234")
    assert uploads.begin("input/a.csv", 10, "1700000000").offset == 5
    assert uploads.begin("input/a.csv", 10, "1800000000").offset == 0
    assert uploads.begin("input/b.csv", 10, "1700000000").offset == 0


def test_a_piece_that_does_not_follow_is_refused_and_the_right_place_named(uploads: Uploads) -> None:
    upload = uploads.begin("input/a.csv", 10)
    uploads.add(upload.id, 0, b"01234")
    for offset in (0, 4, 6):
        with pytest.raises(OutOfStep) as refused:
            uploads.add(upload.id, offset, b"x")
        assert refused.value.offset == 5
    assert uploads.get(upload.id).offset == 5


def test_more_than_was_announced_is_refused(uploads: Uploads) -> None:
    upload = uploads.begin("input/a.csv", 3)
    with pytest.raises(InvalidInput, match="larger"):
        uploads.add(upload.id, 0, b"0123")
    assert uploads.get(upload.id).offset == 0


def test_what_the_disk_cannot_hold_is_refused_at_once(uploads: Uploads) -> None:
    with pytest.raises(Unavailable, match="space"):
        uploads.begin("input/a.csv", 10**18)


@pytest.mark.parametrize("name", ["nothing", "../secrets/x", "", "a/b", "..", "é"])
def test_an_unknown_upload_is_said_to_be_so(uploads: Uploads, name: str) -> None:
    with pytest.raises(NotFound):
        uploads.get(name)


def test_uploads_that_nobody_finished_are_forgotten(uploads: Uploads) -> None:
    old = uploads.begin("input/a.csv", 10)
    for path in uploads.file_of(old.id).parent.iterdir():
        os.utime(path, (0, time.time() - 8 * 24 * 3600))
    uploads.begin("input/b.csv", 10)
    with pytest.raises(NotFound):
        uploads.get(old.id)


def test_a_forgotten_upload_leaves_nothing(uploads: Uploads) -> None:
    upload = uploads.begin("input/a.csv", 1)
    uploads.forget(upload.id)
    assert list(uploads.file_of(upload.id).parent.iterdir()) == []
