"""Images compared with their rebuilds: what differs is named, with whose it is; leftovers of builds do not count."""

import hashlib
import io
import tarfile

import pytest

from trailmark.engines.contents import Contents, _Stream, read_archive
from trailmark.environments.image_difference import (
    DPKG,
    compare_contents,
    counted,
    fingerprint,
    system_packages,
    unlike,
)
from trailmark.errors import Damaged

CODE = b"\xa7\r\r\n" + bytes(4) + b"\1\2\3\4" + bytes(4)
STATUS = """Package: tree
Status: install ok installed
Version: 2.1.0-1
Description: shows trees
 Version: not this one

Package: gone
Status: deinstall ok config-files
Version: 1

Package: zlib1g
Status: install ok installed
Version: 1:1.2.13
"""


def archive(files, links=()):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for name, target, kind in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    return stream.getvalue()


def test_an_archive_is_read_in_pieces_of_any_size():
    data = archive(
        {"./etc/a": b"a" * 5000, "etc/b": b"", DPKG: STATUS.encode()},
        [("etc/link", "a", tarfile.SYMTYPE), ("etc/hard", "etc/a", tarfile.LNKTYPE)],
    )
    for size in (1, 511, 512, 10_000, len(data)):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        found = read_archive(_Stream(iter(pieces)), frozenset((DPKG,)))
        assert found.files["etc/a"] == hashlib.sha256(b"a" * 5000).hexdigest() == found.files["etc/hard"]
        assert found.files["etc/link"] == "→ a"
        assert found.texts == {DPKG: STATUS}


@pytest.mark.parametrize("data", [b"", b"no archive", archive({"a": b"x" * 3000})[:1000]])
def test_what_is_no_archive_is_damaged(data):
    with pytest.raises(Damaged):
        read_archive(_Stream(iter([data])))


def test_installed_system_packages():
    assert system_packages(STATUS) == {"tree": "2.1.0-1", "zlib1g": "1:1.2.13"}


def contents(files, status=STATUS):
    return Contents(files, {DPKG: status})


def test_differences_are_named_with_whose_they_are():
    recorded = {
        "opt/python/six.py": "1", "opt/conda/x": "1", "usr/lib/R/y": "1", "usr/bin/tree": "1", "etc/only": "1",
        "var/log/x": "1", "var/cache/uv/x": "1", "var/lib/dpkg/status": "1",
    }  # fmt: skip
    rebuilt = dict.fromkeys(recorded, "2") | {"etc/new": "1"}
    del rebuilt["etc/only"]
    found = compare_contents(contents(recorded), contents(rebuilt, STATUS.replace("2.1.0-1", "2.2")))
    assert {one.what: one.cause for one in found} == {
        "tree (apt)": "another version",
        "/opt/python/six.py": "a file of Python's packages is another",
        "/opt/conda/x": "a file of conda's packages is another",
        "/usr/lib/R/y": "a file of R's packages is another",
        "/usr/bin/tree": "a file of the system is another",
        "/etc/only": "it is not in the rebuilt image",
        "/etc/new": "it is in the rebuilt image only",
    }
    assert (found[0].recorded, found[0].rebuilt) == ("2.1.0-1", "2.2")
    assert compare_contents(contents(recorded), contents(recorded)) == ()
    assert counted(contents(recorded)) == 6


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=0o755, owner=0, target=""):
    made = tarfile.TarInfo(name)
    made.type, made.size, made.mode, made.uid, made.linkname = kind, len(data), mode, owner, target
    return made, data


def read(*entries):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for made, data in entries:
            tar.addfile(made, io.BytesIO(data))
    return read_archive(_Stream(iter([stream.getvalue()])))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry("usr/bin/x", mode=0o755), entry("usr/bin/x", mode=0o4755)),
        (entry("usr/bin/x", owner=0), entry("usr/bin/x", owner=1000)),
        (entry("etc/x", tarfile.DIRTYPE, mode=0o755), entry("etc/x", tarfile.DIRTYPE, mode=0o777)),
        (entry("etc/x", tarfile.DIRTYPE), entry("etc/y", tarfile.DIRTYPE)),
        (entry("etc/x", tarfile.SYMTYPE, target="a"), entry("etc/x", tarfile.SYMTYPE, target="b")),
        (entry("etc/x", tarfile.FIFOTYPE), entry("etc/x", tarfile.CHRTYPE)),
        (
            entry("a/__pycache__/b.pyc", data=CODE + b"good"),
            entry("a/__pycache__/b.pyc", data=CODE + b"evil"),
        ),
        (entry("a/b.pyc", data=CODE), entry("a/b.pyc", data=CODE[:4] + b"\1" + CODE[5:])),
    ],
)
def test_what_a_file_is_and_whose_counts(one, other):
    assert compare_contents(read(one), read(one)) == ()
    assert len(compare_contents(read(one), read(other))) in (1, 2)


def test_the_moment_of_a_source_in_bytecode_does_not_count():
    later = CODE[:8] + b"\7" * 4 + CODE[12:]
    one, other = (entry("a/__pycache__/b.pyc", data=data + b"code") for data in (CODE, later))
    assert read(one).files == read(other).files


def test_which_uv_made_an_environment_does_not_count():
    one, other = (
        entry("opt/python/pyvenv.cfg", data=b"home = /usr/bin\nuv = %s\n" % version)
        for version in (b"0.9.1", b"0.10.0rc1")
    )
    assert read(one).files == read(other).files
    evil = entry("opt/python/pyvenv.cfg", data=b"home = /evil/bin\nuv = 0.9.1\n")
    assert read(one).files != read(evil).files


def test_settings_of_an_image_count():
    one = Contents({}, {}, {"variable PATH": "/bin"})
    other = Contents({}, {}, {"variable PATH": "/evil:/bin", "Entrypoint": '["/evil"]'})
    assert [each.what for each in compare_contents(one, other)] == [
        "Entrypoint (image)",
        "variable PATH (image)",
    ]


def test_a_fingerprint_says_which_folders_are_as_they_were():
    files = {
        "usr/bin/tree": "1", "opt/python/lib/python3.11/site-packages/six.py": "1", "var/log/x": "1",
        "opt/python/lib/python3.11/site-packages/numpy/a.py": "1", "opt/trailmark/lib/x": "1", "etc/x": "1",
    }  # fmt: skip
    before = fingerprint(contents(files))
    assert unlike(before, contents(files | {"var/log/x": "2"}), tools=True) == ()
    other = contents(dict.fromkeys(files, "2"))
    packages = "/opt/python/lib/python3.11/site-packages"
    found = {one.what for one in unlike(before, other, tools=False)}
    assert found == {"/usr/bin", "/etc/x", f"{packages}/six.py", f"{packages}/numpy"}
    assert {one.what for one in unlike(before, other, tools=True)} == found | {"/opt/trailmark"}
    assert [one.what for one in unlike(before, Contents(files, {}, {"Entrypoint": "x"}), tools=True)] == [
        "/settings"
    ]
    assert unlike(None, other, tools=True) == ()


def test_many_differences_are_counted():
    found = compare_contents(contents({f"etc/{n}": "1" for n in range(300)}), contents({}))
    assert len(found) == 101
    assert found[-1].cause == "200 more are others"
