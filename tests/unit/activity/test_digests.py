import hashlib
import os
import time
from pathlib import Path

import pytest

from trailmark.activity.digests import DigestCache, FileDigest

LONG_AGO = time.time() - 3600


def _aged(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def _settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock be an hour further, since a file's ctime cannot be set."""
    now = time.time_ns() + 3_600_000_000_000
    monkeypatch.setattr("trailmark.activity.digests.time.time_ns", lambda: now)


def _expected(data: bytes) -> FileDigest:
    return FileDigest(hashlib.sha256(data).hexdigest(), len(data))


def test_a_digest_is_remembered_across_openings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settle(monkeypatch)
    file = _aged(tmp_path / "a", b"one")
    assert DigestCache(tmp_path / "d.sqlite").digest_of(file) == _expected(b"one")
    monkeypatch.setattr("trailmark.activity.digests._hash", lambda _: pytest.fail("it was known"))
    assert DigestCache(tmp_path / "d.sqlite").digest_of(file) == _expected(b"one")


def test_a_file_just_written_is_not_trusted(tmp_path: Path) -> None:
    cache = DigestCache(tmp_path / "d.sqlite")
    file = tmp_path / "a"
    for data in (b"one", b"two"):
        status = file.stat() if file.exists() else None
        with file.open("wb") as stream:
            stream.write(data)
        if status:
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert cache.digest_of(file) == _expected(data)


def test_other_content_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settle(monkeypatch)
    cache = DigestCache(tmp_path / "d.sqlite")
    cache.digest_of(_aged(tmp_path / "a", b"one"))
    assert cache.digest_of(_aged(tmp_path / "a", b"two")) == _expected(b"two")


@pytest.mark.parametrize("junk", [b"no database at all" * 100, b""])
def test_a_damaged_cache_is_only_a_slow_one(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "d.sqlite").write_bytes(junk)
    cache = DigestCache(tmp_path / "d.sqlite")
    file = _aged(tmp_path / "a", b"one")
    assert cache.digest_of(file) == _expected(b"one")
    assert cache.digest_of(file) == _expected(b"one")


def test_only_regular_files_have_a_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    cache = DigestCache(tmp_path / "d.sqlite")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none"):
        with pytest.raises(OSError, match=r"regular|No such|directory"):
            cache.digest_of(path)


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "project" / "link").symlink_to(tmp_path / "secret")
    cache = DigestCache(tmp_path / "d.sqlite")
    assert cache.digest_of(tmp_path / "project" / "link") == _expected(b"x")
    with pytest.raises(OSError, match="outside"):
        cache.digest_of(tmp_path / "project" / "link", within=tmp_path / "project")
