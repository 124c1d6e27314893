"""Exports come back as they were, and no file can make the extractor write outside or run away."""

import contextlib
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark.errors import InvalidInput, TrailmarkError
from trailmark.progress import NullProgress
from trailmark.projects import archive
from trailmark.projects.archive import BUNDLE, MANIFEST, Contents, NotHeld, unpack
from trailmark.projects.export import export_project
from trailmark.projects.importing import apply_import, plan_import
from trailmark.projects.new import new_project
from trailmark.projects.paths import check_new_path
from trailmark.projects.sweep import sweep
from trailmark.projects.sweep_plan import Content, Differences, find_renames, title
from trailmark.settings import Person, Settings

PROGRESS = NullProgress()
NAMES = st.sampled_from(["a", "b.txt", "données", "x y", "c.ipynb"])
FOLDERS = st.sampled_from(["", "d/", "d/e/", "code/"])
FILES = st.dictionaries(
    st.tuples(FOLDERS, NAMES).map("".join), st.tuples(st.binary(max_size=50), st.booleans()), max_size=6
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def chosen(home: Path) -> Settings:
    return Settings(
        home=home,
        projects=home / "projects",
        owner="ada",
        person=Person("Ada", "ada@example.org"),
        device="desk",
    )


@SLOW
@given(st.lists(FILES, min_size=1, max_size=3))
def test_an_export_comes_back_with_the_same_history_and_files(steps):
    home = Path(tempfile.mkdtemp(prefix="archive-"))
    try:
        project = new_project("work", chosen(home))
        for files in steps:
            for path, (data, executable) in files.items():
                whole = project.path / path
                whole.parent.mkdir(parents=True, exist_ok=True)
                whole.write_bytes(data)
                whole.chmod(0o755 if executable else 0o644)
            sweep(project)
        exported = export_project(project, home, PROGRESS).path
        plan = plan_import(str(exported), chosen(home), PROGRESS, here=home)
        again = apply_import(plan, chosen(home), PROGRESS)
        (imported,) = (
            commit for commit in again.repository.iter_commits(again.repository.head())
            if commit.message.startswith("Imported")
        )  # fmt: skip
        assert imported.parents == (project.repository.head(),)
        for ref, tip in project.repository.refs("refs/").items():
            assert again.repository.is_ancestor(tip, again.repository.find_ref(ref))
        listing = ["git", "ls-files", "-s", "--", ":!trailmark.toml"]
        texts = [
            subprocess.run(listing, cwd=each.path, capture_output=True, check=True).stdout
            for each in (project, again)
        ]
        assert texts[0] == texts[1]
        for each in (project, again):
            status = ["git", "status", "--porcelain"]
            assert subprocess.run(status, cwd=each.path, capture_output=True, check=True).stdout == b""
    finally:
        shutil.rmtree(home)


@given(
    st.builds(
        Contents,
        name=TEXT,
        description=TEXT,
        branch=st.none() | TEXT,
        refs=st.dictionaries(TEXT, TEXT, max_size=3),
        not_held=st.lists(st.builds(NotHeld, TEXT, st.integers(0, 2**60), st.none() | TEXT), max_size=3).map(
            tuple
        ),
        created=st.floats(0, 4e9),
        bundle_digest=TEXT,
    )
)
def test_what_an_archive_says_of_itself_is_read_as_it_was_written(contents):
    assert Contents.from_json(contents.to_json()) == contents


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | TEXT, st.lists).map(repr).map(str.encode)
)
def test_any_description_is_read_or_refused_plainly(data):
    try:
        Contents.from_json(data)
    except TrailmarkError:
        return


MEMBERS = st.builds(
    tarfile.TarInfo, st.sampled_from([MANIFEST, BUNDLE, "../evil", "/tmp/evil", "a/b", "", "x" * 150, "é"])
)


@st.composite
def archives(draw):
    """Bytes of a tar with members of any kind, cut, altered or continued anywhere."""
    data = b""
    for _ in range(draw(st.integers(0, 4))):
        info = draw(MEMBERS)
        content = draw(st.binary(max_size=600))
        info.type = draw(
            st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"x", b"L"])
        )
        info.linkname = draw(st.sampled_from(["", "/etc/passwd", ".."]))
        info.size = draw(st.sampled_from([len(content), 0, 10**12]))
        ours = draw(st.booleans())
        header = (
            archive._header(info.name[:90], info.size)
            if ours and info.name.isascii()
            else info.tobuf(tarfile.GNU_FORMAT)
        )
        data += header + content + archive._padding(len(content))
    data += bytes(draw(st.sampled_from([0, 512, 1024, 1536])))
    if data and draw(st.booleans()):
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    return data


@settings(deadline=None, max_examples=150)
@given(archives(), st.booleans())
def test_no_archive_is_written_outside_or_fails_oddly(data, cut):
    folder = Path(tempfile.mkdtemp(prefix="unpack-"))
    try:
        into = folder / "into"
        into.mkdir()
        packed = zstandard.ZstdCompressor(level=1).compress(data)
        (folder / "x.trailmark").write_bytes(packed[:-7] if cut else packed)
        start = time.monotonic()
        with contextlib.suppress(TrailmarkError):
            unpack(folder / "x.trailmark", into, PROGRESS)
        assert time.monotonic() - start < 5
        assert {path.name for path in folder.iterdir()} == {"into", "x.trailmark"}
        assert {path.name for path in into.iterdir()} <= {MANIFEST, BUNDLE}
        assert not Path("/tmp/evil").exists()
    finally:
        shutil.rmtree(folder)


@given(
    st.text(max_size=40) | st.lists(st.sampled_from([".", "..", "a", ".git", "", "CON", " "])).map("/".join)
)
def test_a_path_is_refused_or_stays_inside(path):
    try:
        assert check_new_path(path) == path
    except InvalidInput:
        return
    root = Path("/project")
    assert (root / path).is_relative_to(root)
    assert ".." not in path.split("/")
    path.encode()


PATHS = st.tuples(FOLDERS, NAMES).map("".join)
CONTENTS = st.builds(Content, st.sampled_from("abc"), st.integers(0, 2), st.none() | st.sampled_from("xy"))


@given(
    st.dictionaries(PATHS, CONTENTS, max_size=5),
    st.dictionaries(PATHS, CONTENTS, max_size=5),
    st.lists(PATHS, max_size=3),
    st.dictionaries(PATHS, TEXT, max_size=3),
)
def test_every_difference_has_a_title_of_one_line(added, deleted, saved, noticed):
    deleted = {path: content for path, content in deleted.items() if path not in added}
    renames = find_renames(added, deleted)
    assert len({rename.old for rename in renames}) == len({rename.new for rename in renames}) == len(renames)
    for rename in renames:
        old, new = deleted[rename.old], added[rename.new]
        assert old.oid == new.oid or old.likeness == new.likeness is not None
    if added or deleted or saved or noticed:
        line = title(Differences(added, saved, deleted, dict.fromkeys(noticed, "large")), renames)
        assert line
        assert "\n" not in line
        assert line[0].isupper()
