"""Files of a project: looking at them, and changing them with a record for each change."""

import hashlib
import os

import pytest

from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.projects.describe import describe, edit_readme, readme_name
from trailmark.projects.file_changes import delete, make_folder, move, put_file, put_files, write_file
from trailmark.projects.files import (
    list_folder,
    list_folder_at,
    open_file,
    read_file_at,
)
from trailmark.projects.paths import check_new_path
from trailmark.projects.sweep import sweep


@pytest.fixture
def upload(tmp_path):
    def upload(data):
        source = tmp_path / "upload"
        source.write_bytes(data)
        return source

    return upload


def commits(project):
    return sum(1 for _ in project.repository.iter_commits(project.repository.head()))


def test_a_folder_is_listed_with_what_git_holds_and_ignores(project, write):
    write("code/a.py", "a")
    sweep(project)
    write("code/new.py", "new")
    write("code/__pycache__/a.pyc", "x")
    (project.path / "code" / "link").symlink_to("a.py")
    rows = {row.name: row for row in list_folder(project, "code")}
    assert rows["a.py"].held
    assert rows["a.py"].bytes == 1
    assert not rows["new.py"].held
    assert not rows["new.py"].ignored
    assert rows["__pycache__"].ignored
    assert rows["__pycache__"].is_folder
    assert rows["link"].link == "a.py"
    assert list(rows) == ["__pycache__", ".gitkeep", "a.py", "link", "new.py"]


def test_files_as_they_were(project, write):
    write("code/a.py", "one")
    commit = sweep(project).commit
    write("code/a.py", "two")
    sweep(project)
    assert read_file_at(project, commit, "code/a.py") == b"one"
    assert [row.path for row in list_folder_at(project, commit, "code")] == ["code/.gitkeep", "code/a.py"]
    for path in ("code", "nothing"):
        with pytest.raises(NotFound):
            read_file_at(project, commit, path)
    with pytest.raises(NotFound):
        list_folder_at(project, commit, "code/a.py")


@pytest.mark.parametrize(
    "path", ["../x", ".git/config", "/etc/passwd", "code", "nothing", "link", "out/passwd"]
)
def test_only_ordinary_files_inside_are_opened(project, path):
    (project.path / "link").symlink_to("/etc/passwd")
    (project.path / "out").symlink_to("/etc")
    with pytest.raises(NotFound):
        open_file(project, path)


@pytest.mark.parametrize("folder", ["..", ".git", "out", "nothing", "README.md"])
def test_only_folders_inside_are_listed(project, folder):
    (project.path / "out").symlink_to("/etc")
    with pytest.raises(NotFound):
        list_folder(project, folder)


def test_a_file_is_opened_for_download(project, write):
    write("input/a.csv", "1,2\n")
    opened = open_file(project, "input/a.csv")
    with opened.stream:
        assert (opened.bytes, opened.stream.read()) == (4, b"1,2\n")


def test_an_upload_is_one_record(project, upload, read, files):
    before = commits(project)
    record = read(put_file(project, "input/new/a.csv", upload(b"1,2\n")))
    assert (record.kind, record.title, record.tool) == ("files", "Uploaded input/new/a.csv", "trailmark")
    assert record.writes[0].digest == hashlib.sha256(b"1,2\n").hexdigest()
    assert files()["input/new/a.csv"] == b"1,2\n"
    assert commits(project) == before + 1
    assert os.stat(project.path / "input/new/a.csv").st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_upload_replaces_a_file_only_when_it_may(project, upload, write, files):
    write("input/a.csv", "old")
    with pytest.raises(AlreadyExists):
        put_file(project, "input/a.csv", upload(b"new"))
    assert files()["input/a.csv"] == b"old"
    put_file(project, "input/a.csv", upload(b"new"), replace=True)
    assert files()["input/a.csv"] == b"new"
    with pytest.raises(AlreadyExists):
        put_file(project, "input", upload(b"x"), replace=True)


def test_a_large_upload_is_recorded_and_what_it_replaces_is_set_aside(project, upload, read, files):
    big = b"0" * (project.max_file_bytes() + 1)
    record = read(put_file(project, "input/big.bin", upload(big)))
    assert record.title == "Uploaded input/big.bin"
    assert (record.writes[0].held, record.writes[0].digest) == (False, hashlib.sha256(big).hexdigest())
    put_file(project, "input/big.bin", upload(b"small"), replace=True)
    assert files()["input/big.bin"] == b"small"
    (kept,) = (project.state / "kept").rglob("big.bin")
    assert kept.read_bytes() == big


def test_many_uploads_are_one_record(project, read, files, tmp_path):
    before = commits(project)
    sources = {f"input/new/{number}.csv": tmp_path / str(number) for number in range(30)}
    for path, source in sources.items():
        source.write_text(path)
    record = read(put_files(project, sources))
    assert record.title == "Uploaded 30 files to input/new/"
    assert {write.path for write in record.writes} == set(sources)
    assert all(files()[path] == path.encode() for path in sources)
    assert commits(project) == before + 1


@pytest.mark.parametrize("refused", ["code", "README.md", "README.md/x", "../x", "con.txt"])
def test_one_upload_that_is_refused_stops_all(project, files, tmp_path, refused):
    sources = {"input/a.csv": tmp_path / "a", refused: tmp_path / "b"}
    for source in sources.values():
        source.write_text("new")
    before = files()
    with pytest.raises((AlreadyExists, InvalidInput)):
        put_files(project, sources)
    assert files() == before
    assert not (project.path / "input" / "a.csv").exists()


def test_nothing_is_uploaded_through_a_link(project, upload, tmp_path):
    (tmp_path / "outside").mkdir()
    (project.path / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="link"):
        put_file(project, "out/x", upload(b"x"))
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize(
    "path",
    [
        "../x", "/x", "a/../b", "", "a//b", ".git/hooks/x", "a/.GIT/x", "a/git~1", "con", "aux.txt", "a:b", "a\\b",
        "a*", "x ", " x", "x.", "a\nb", "a\x00", "x" * 300, "a/" * 600 + "b", "bad\udcff", "x\x7f",
        ".trailmark-0123456789ab.tmp",
    ],
)  # fmt: skip
def test_a_path_that_not_every_system_takes_is_refused_politely(path):
    with pytest.raises(InvalidInput) as refused:
        check_new_path(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", ["a", "input/données (1).csv", "a/.hidden", "数据/x-1_2.csv", "a.b.c"])
def test_usual_paths_are_taken(path):
    assert check_new_path(path) == path


def test_a_folder_is_made_and_kept_by_git(project, read, files):
    record = read(make_folder(project, "input/raw"))
    assert record.title == "Made the folder input/raw"
    assert "input/raw/.gitkeep" in files()
    with pytest.raises(AlreadyExists):
        make_folder(project, "input/raw")


def test_a_file_is_moved_with_one_record(project, write, read, files):
    write("code/a.py", "a")
    before = commits(project)
    record = read(move(project, "code/a.py", "lib/b.py"))
    assert record.title == "Renamed code/a.py to lib/b.py"
    assert record.detail["renamed"] == [{"from": "code/a.py", "to": "lib/b.py"}]
    assert "code/a.py" not in files()
    assert files()["lib/b.py"] == b"a"
    assert commits(project) == before + 2


def test_a_folder_is_moved_with_what_git_does_not_hold(project, write, read):
    write("input/a.csv", "a")
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    write("input/__pycache__/x", "x")
    record = read(move(project, "input", "data"))
    assert (project.path / "data" / "big.bin").exists()
    assert (project.path / "data" / "__pycache__" / "x").exists()
    assert {ref.path: ref.held for ref in record.writes}["data/big.bin"] is False
    assert sweep(project) is None


def test_a_move_never_overwrites(project, write):
    write("a", "a")
    write("b", "b")
    for target in ("b", "code"):
        with pytest.raises(AlreadyExists):
            move(project, "a", target)
    with pytest.raises(InvalidInput, match="itself"):
        move(project, "code", "code/inner")
    with pytest.raises(NotFound):
        move(project, "nothing", "c")
    with pytest.raises(InvalidInput):
        move(project, "a", "../a")
    assert (project.path / "b").read_text() == "b"


@pytest.mark.parametrize("verb", [lambda project: delete(project, "trailmark.toml"),
                                  lambda project: move(project, "trailmark.toml", "x")])  # fmt: skip
def test_the_manifest_stays(project, verb):
    with pytest.raises(InvalidInput, match=r"trailmark\.toml"):
        verb(project)
    assert project.manifest_path.exists()


def test_what_git_holds_is_deleted_and_stays_in_the_history(project, write, read, files):
    write("code/a.py", "a")
    commit = sweep(project).commit
    deleted = delete(project, "code/a.py")
    assert deleted.kept is None
    assert read(deleted.recorded).deletes == ("code/a.py",)
    assert not (project.path / "code" / "a.py").exists()
    assert "code/a.py" not in files()
    assert read_file_at(project, commit, "code/a.py") == b"a"
    assert sweep(project) is None


def test_what_git_does_not_hold_is_set_aside(project, write, read):
    write("input/a.csv", "a")
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    deleted = delete(project, "input")
    assert not (project.path / "input").exists()
    assert (deleted.kept / "big.bin").exists()
    assert set(read(deleted.recorded).deletes) == {"input/.gitkeep", "input/a.csv"}
    assert sweep(project) is None
    write(".venv/x", "x")
    assert (delete(project, ".venv").kept / "x").exists()


def test_deleting_a_link_leaves_what_it_points_to(project, tmp_path):
    (tmp_path / "outside").mkdir()
    (project.path / "out").symlink_to(tmp_path / "outside")
    delete(project, "out")
    assert (tmp_path / "outside").exists()
    with pytest.raises(NotFound):
        delete(project, "out")


def test_the_description_keeps_the_manifests_comments(project, read):
    project.manifest_path.write_text("# mine\n" + project.manifest_path.read_text())
    sweep(project)
    record = read(describe(project, "  About\nbirds "))
    assert record.title == "Described the project"
    assert project.manifest().description == "About birds"
    assert project.manifest_path.read_text().startswith("# mine\n")
    assert describe(project, "About birds") is None
    with pytest.raises(InvalidInput):
        describe(project, "x" * 2000)


def test_a_broken_manifest_is_not_described(project, write):
    write("trailmark.toml", "name = ")
    with pytest.raises(InvalidInput, match="TOML"):
        describe(project, "x")


def test_the_readme_that_is_there_is_edited(project, read, files):
    (project.path / "README.md").rename(project.path / "readme.txt")
    assert readme_name(project) == "readme.txt"
    record = read(edit_readme(project, "# Birds\r\n\r\nMany.\r\n"))
    assert record.title == "Edited the README"
    assert files()["readme.txt"] == b"# Birds\n\nMany.\n"
    assert edit_readme(project, "# Birds\n\nMany.\n") is None


def test_a_file_is_written_whole_and_once(project, read):
    record = read(write_file(project, "code/a.py", b"a", told="Wrote it", actor="program:x"))
    assert (record.title, record.actor) == ("Wrote it", "program:x")
    assert write_file(project, "code/a.py", b"a", told="Wrote it") is None
