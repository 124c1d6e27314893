"""One file with everything, written whole; and files that only look like one."""

import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest
import zstandard

from trailmark.errors import AlreadyExists, Cancelled, Damaged, InvalidInput, TrailmarkError, Unavailable
from trailmark.progress import NullProgress
from trailmark.projects import archive
from trailmark.projects.archive import BUNDLE, MANIFEST, Contents, is_archive, unpack
from trailmark.projects.export import export_project

PROGRESS = NullProgress()


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def packed(tmp_path, *members, end=b"\0" * 1024, level=1):
    """Write an archive of members (name, bytes), or of raw bytes."""
    data = b""
    for member in members:
        if isinstance(member, bytes):
            data += member
        else:
            name, content = member
            data += archive._header(name, len(content)) + content + archive._padding(len(content))
    path = tmp_path / "made.trailmark"
    path.write_bytes(zstandard.ZstdCompressor(level=level).compress(data + end))
    return path


def contents(**changes):
    value = {
        "format": 1, "name": "x", "description": "", "branch": "main", "refs": {}, "not_held": [], "created": 1.0,
        "bundle_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }  # fmt: skip
    return json.dumps({**value, **changes}).encode()


def test_an_export_is_a_plain_tar_that_other_programs_read(project, write, tmp_path):
    write("code/a.py", "not recorded yet")
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    exported = export_project(project, tmp_path, PROGRESS)
    assert exported.path == tmp_path / "work.trailmark"
    assert exported.bytes == exported.path.stat().st_size
    assert [file.path for file in exported.not_held] == ["input/big.bin"]
    assert is_archive(exported.path)
    with exported.path.open("rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == [MANIFEST, BUNDLE]
        about = Contents.from_json(tar.extractfile(MANIFEST).read())
        (tmp_path / "x.bundle").write_bytes(tar.extractfile(BUNDLE).read())
    assert (about.name, about.branch, about.not_held) == ("work", "main", exported.not_held)
    assert set(about.refs) == {"refs/heads/main", "refs/trailmark/records/desk"}
    clone = ["git", "clone", "-q", str(tmp_path / "x.bundle"), str(tmp_path / "clone")]
    subprocess.run(clone, check=True, capture_output=True)
    assert (tmp_path / "clone" / "code" / "a.py").read_text() == "not recorded yet"


def test_an_export_overwrites_only_when_it_may(project, tmp_path):
    target = tmp_path / "x.trailmark"
    target.write_text("mine")
    with pytest.raises(AlreadyExists):
        export_project(project, target, PROGRESS)
    assert target.read_text() == "mine"
    export_project(project, target, PROGRESS, overwrite=True)
    assert is_archive(target)


def test_an_export_needs_a_place_outside_of_the_project(project, tmp_path):
    with pytest.raises(InvalidInput, match="no folder"):
        export_project(project, tmp_path / "nowhere" / "x.trailmark", PROGRESS)
    with pytest.raises(InvalidInput, match="project itself"):
        export_project(project, project.path / "output", PROGRESS)


def test_an_export_that_is_stopped_or_fails_leaves_nothing(project, tmp_path, monkeypatch):
    class Stopped(NullProgress):
        cancelled = True

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        export_project(project, tmp_path, Stopped())

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises((Unavailable, OSError)):
        export_project(project, tmp_path, PROGRESS)
    assert sorted(tmp_path.iterdir()) == before


def test_what_was_packed_is_unpacked(tmp_path, into):
    path = packed(tmp_path, (MANIFEST, contents()), (BUNDLE, b""))
    assert unpack(path, into, PROGRESS).name == "x"
    assert sorted(file.name for file in into.iterdir()) == [MANIFEST, BUNDLE]


def member(name, kind=tarfile.REGTYPE, link="", data=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info.tobuf(tarfile.GNU_FORMAT) + data + archive._padding(len(data))


BAD = {
    "nothing": (),
    "only one": ((MANIFEST, contents()),),
    "another order": ((BUNDLE, b""), (MANIFEST, contents())),
    "twice": ((MANIFEST, contents()), (MANIFEST, contents()), (BUNDLE, b"")),
    "one too many": ((MANIFEST, contents()), (BUNDLE, b""), ("more", b"")),
    "upwards": ((MANIFEST, contents()), ("../evil", b"x")),
    "absolute": ((MANIFEST, contents()), ("/tmp/evil", b"x")),
    "symbolic link": (member(MANIFEST, tarfile.SYMTYPE, "/etc/passwd"), (BUNDLE, b"")),
    "hard link": (member(MANIFEST, tarfile.LNKTYPE, "/etc/passwd"), (BUNDLE, b"")),
    "folder": (member(MANIFEST, tarfile.DIRTYPE), (BUNDLE, b"")),
    "device": (member(MANIFEST, tarfile.CHRTYPE), (BUNDLE, b"")),
    "long name": (member("x" * 200), (BUNDLE, b"")),
    "another tar": (member(MANIFEST, data=contents()), (BUNDLE, b"")),
    "no tar": (b"x" * 2048,),
    "wrong checksum": (archive._header(MANIFEST, 0).replace(b"0000644", b"0000755"), (BUNDLE, b"")),
    "negative size": (archive._header(MANIFEST, 0).replace(b"00000000000\0", b"-0000000001\0", 1),),
    "wrong digest": ((MANIFEST, contents(bundle_digest="0" * 64)), (BUNDLE, b"")),
    "no description of itself": ((MANIFEST, b"[]"), (BUNDLE, b"")),
    "deeply nested": ((MANIFEST, b"[" * 100_000), (BUNDLE, b"")),
    "wrong kinds": ((MANIFEST, contents(refs=[])), (BUNDLE, b"")),
    "a lone surrogate": ((MANIFEST, contents(name="x").replace(b'"x"', b'"\\ud800"')), (BUNDLE, b"")),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_export_is_refused_before_anything_is_written(tmp_path, into, case):
    path = packed(tmp_path, *BAD[case])
    with pytest.raises(Damaged):
        unpack(path, into, PROGRESS)
    assert not {file.name for file in into.iterdir()} - {MANIFEST, BUNDLE}
    assert not (tmp_path / "evil").exists()


def test_a_newer_format_is_named_as_such(tmp_path, into):
    path = packed(tmp_path, (MANIFEST, contents(format=2)), (BUNDLE, b""))
    with pytest.raises(InvalidInput, match="newer"):
        unpack(path, into, PROGRESS)


def test_a_file_that_unpacks_to_far_too_much_is_refused(tmp_path, into):
    path = packed(tmp_path, (MANIFEST, contents()), (BUNDLE, bytes(200_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidInput, match="far more"):
        unpack(path, into, PROGRESS)
    assert not list(into.iterdir())


def test_a_claimed_size_beyond_reason_is_refused(tmp_path, into):
    path = packed(tmp_path, (MANIFEST, contents()), archive._header(BUNDLE, 2**80))
    with pytest.raises(InvalidInput, match="far more"):
        unpack(path, into, PROGRESS)


def test_a_cut_or_a_flipped_byte_is_found_or_changes_nothing(project, tmp_path):
    data = export_project(project, tmp_path, PROGRESS).path.read_bytes()
    whole = unpacked(tmp_path, data)
    found = 0
    for position in range(0, len(data), max(1, len(data) // 60)):
        flipped = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        for altered in (data[:position], flipped):
            try:
                assert unpacked(tmp_path, altered) == whole
            except TrailmarkError:
                found += 1
    assert found > 100


def unpacked(tmp_path, data):
    path, folder = tmp_path / "one.trailmark", tmp_path / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path.write_bytes(data)
    unpack(path, folder, PROGRESS)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_header_of_a_file_beyond_eight_gigabytes_is_read_by_other_programs():
    block = archive._header(BUNDLE, 9 * 2**30)
    assert tarfile.TarInfo.frombuf(block, "utf-8", "strict").size == 9 * 2**30
    assert archive._parse_header(block) == (BUNDLE, 9 * 2**30)
