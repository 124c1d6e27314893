import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trailmark import durable
from trailmark.durable import sync_file_system, sync_folder, write_chunks, write_file
from trailmark.errors import Cancelled


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o600
    write_file(path, b"new", mode=0o644)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_file(path, b"old")

    def fail(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_that_break_off_leave_the_old_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_chunks(path, (bytes([number]) for number in b"old"), mode=0o644)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"old", 0o644)

    def break_off() -> Iterator[bytes]:
        yield b"new"
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        write_chunks(path, break_off())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writers_at_once_leave_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = [bytes([n]) * 50_000 for n in range(6)]
    threads = [threading.Thread(target=write_file, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", [None, lambda fd: -1, durable._syncfs])
def test_a_file_system_is_synced_one_way_or_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: object
) -> None:
    monkeypatch.setattr(durable, "_syncfs", call)
    sync_file_system(tmp_path)
    sync_folder(tmp_path)
