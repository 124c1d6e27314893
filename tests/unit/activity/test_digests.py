"""Digests of files, remembered while a file looks untouched."""

import hashlib
import os
import time

import pytest

from trailmark.activity.digests import DigestCache


@pytest.fixture
def cache(tmp_path):
    cache = DigestCache(tmp_path / "state" / "digests.sqlite")
    yield cache
    cache.close()


def aged(path, data):
    path.write_bytes(data)
    past = time.time_ns() - 10**9
    os.utime(path, ns=(past, past))
    return path


def test_digest_and_size(cache, tmp_path):
    found = cache.digest_of(aged(tmp_path / "a", b"abc"))
    assert (found.sha256, found.bytes) == (hashlib.sha256(b"abc").hexdigest(), 3)


def test_an_untouched_file_is_not_read_again(cache, tmp_path, monkeypatch):
    path = aged(tmp_path / "a", b"abc")
    first = cache.digest_of(path)
    monkeypatch.setattr(cache, "_read", lambda path: pytest.fail("read again"))
    assert cache.digest_of(path) == first


def test_a_change_of_the_same_length_and_time_is_seen(cache, tmp_path):
    path = aged(tmp_path / "a", b"abc")
    cache.digest_of(path)
    times = path.stat()
    path.write_bytes(b"xyz")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert cache.digest_of(path).sha256 == hashlib.sha256(b"xyz").hexdigest()


def test_a_file_modified_just_now_is_not_trusted(cache, tmp_path):
    path = tmp_path / "a"
    for data in (b"one", b"two", b"six"):
        path.write_bytes(data)
        assert cache.digest_of(path).sha256 == hashlib.sha256(data).hexdigest()


def test_a_damaged_cache_is_made_anew(tmp_path):
    (tmp_path / "digests.sqlite").write_bytes(b"not a database" * 100)
    path = aged(tmp_path / "a", b"abc")
    assert DigestCache(tmp_path / "digests.sqlite").digest_of(path).bytes == 3


def test_folders_and_absent_files_have_none(cache, tmp_path):
    with pytest.raises(OSError, match="no regular file"):
        cache.digest_of(tmp_path)
    with pytest.raises(FileNotFoundError):
        cache.digest_of(tmp_path / "absent")
