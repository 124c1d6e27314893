import errno
import os
from pathlib import Path

import pytest

from trailmark_capture import journal
from trailmark_capture.journal import Writer


def entries(folder: Path) -> list[journal.Entry]:
    return [entry for segment in journal.segments(folder) for entry, _ in journal.read(segment)]


def test_several_entries_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync
    writer = Writer(tmp_path, "test")
    writer.append({"id": "a"})
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), fsync(fd)))
    writer.append_all([{"id": "b"}, {"id": "c"}])
    assert [entry["id"] for entry in entries(tmp_path)] == ["a", "b", "c"]
    assert len(synced) == 1


def test_what_the_disk_refuses_is_not_written_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = Writer(tmp_path, "test")
    writer.append({"id": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            writer.append_all([{"id": "b"}, {"id": "c"}])
    writer.append({"id": "d"})
    assert [entry["id"] for entry in entries(tmp_path)] == ["a", "d"]


def test_what_cannot_be_taken_back_costs_no_later_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = os.write, []

    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    def write_half(fd: int, data: memoryview) -> int:
        calls.append(fd)
        return write(fd, data[: len(data) // 2]) if len(calls) % 2 else refuse()

    writer = Writer(tmp_path, "test")
    writer.append({"id": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_half)
        patch.setattr(os, "ftruncate", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                writer.append({"id": "b"})
    writer.append({"id": "c"})
    writer.append({"id": "d"})
    assert [entry["id"] for entry in entries(tmp_path)] == ["a", "c", "d"]


def test_a_writer_that_lives_always_holds_a_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 100)
    writer = Writer(tmp_path, "test")
    for number in range(5):
        writer.append({"id": str(number), "code": "x" * 100})
        held = [segment for segment in journal.segments(tmp_path) if not journal.is_abandoned(segment)]
        assert len(held) == 1
    assert [entry["id"] for entry in entries(tmp_path)] == list("01234")
    writer.close()
    assert all(map(journal.is_abandoned, journal.segments(tmp_path)))
