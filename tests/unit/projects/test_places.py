"""Projects as wholes: list, find, rename, copy, delete and the trash."""

import fcntl
import os
import shutil
import subprocess

import pytest

from trailmark.activity import RECORDS, load
from trailmark.errors import AlreadyExists, Busy, Cancelled, InvalidInput, NotFound
from trailmark.git import Repository
from trailmark.progress import NullProgress
from trailmark.projects import moves
from trailmark.projects.copy import copy_project
from trailmark.projects.delete import delete_project, empty_trash, list_trash, restore_project
from trailmark.projects.listing import find_around, find_project, iter_project_paths
from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.projects.rename import rename_project
from trailmark.projects.secrets import secrets_path, set_secret
from trailmark.projects.sweep import sweep
from trailmark_capture.journal import Writer


class Killed(BaseException):
    pass


@pytest.fixture
def working(project):
    """A session that writes into the project's journal."""
    writer = Writer(project.state / "journal", "kernel-1")
    writer.append({"type": "begin", "id": "0" * 26})
    yield writer
    writer.close()


def names(settings):
    return [path.name for path in iter_project_paths(settings)]


def titles(project):
    repository = project.repository
    return [commit.message.partition("\n")[0] for commit in repository.iter_commits(repository.head())]


def test_projects_are_listed_and_what_is_none_is_not(project, settings):
    new_project("another", settings)
    (settings.projects / settings.owner / "plain").mkdir()
    (settings.projects / "stray.txt").write_text("x")
    assert names(settings) == ["another", "work"]


def test_a_project_is_found_by_name_by_owner_and_from_a_folder_in_it(project, settings, tmp_path):
    inside = project.path / "code"
    for text, folder in [
        ("work", tmp_path),
        ("ada/work", tmp_path),
        (str(project.path), tmp_path),
        (str(inside), tmp_path),
        (".", inside),
        ("..", inside),
    ]:
        assert find_project(text, folder, settings).path == project.path
    assert find_around(inside) == project.path
    assert find_around(tmp_path) is None
    for text in ("nothing", "../../etc", "", "ada/nothing"):
        with pytest.raises(NotFound):
            find_project(text, tmp_path, settings)


def test_a_renamed_project_keeps_its_trail_state_and_secrets(project, settings, write):
    write("code/a.py", "not recorded yet")
    set_secret(project, "TOKEN", "hunter2")
    old_state = project.state
    (old_state / "kept").mkdir(parents=True)
    renamed = rename_project(project, "better")
    assert (renamed.name, renamed.path.name, renamed.manifest().name) == ("better", "better", "better")
    assert titles(renamed)[:2] == ["Renamed the project work to better", "Added code/a.py"]
    assert names(settings) == ["better"]
    assert renamed.state == old_state
    assert (renamed.state / "kept").is_dir()
    assert "hunter2" in secrets_path(renamed).read_text()
    assert sweep(renamed) is None
    assert not list((settings.home / "moves").glob("*.json"))


def test_a_rename_to_its_own_name_changes_nothing_and_of_case_alone_is_fine(project):
    before = titles(project)
    assert rename_project(project, "work") is project
    assert titles(project) == before
    assert rename_project(project, "Work").path.name == "Work"


@pytest.mark.parametrize(
    ("name", "error"), [("other", AlreadyExists), ("OTHER", AlreadyExists), ("a/b", InvalidInput)]
)
def test_a_name_that_is_taken_or_impossible_is_refused(project, settings, name, error):
    new_project("other", settings)
    with pytest.raises(error):
        rename_project(project, name)
    assert names(settings) == ["other", "work"]


def test_a_project_that_somebody_works_in_stays_where_it_is(project, working, settings):
    for verb in (lambda: rename_project(project, "better"), lambda: delete_project(project)):
        with pytest.raises(Busy, match="trailmark stop"):
            verb()
    assert names(settings) == ["work"]


def test_a_project_whose_recorder_is_at_work_is_waited_for(project, monkeypatch, settings):
    monkeypatch.setattr(moves, "_PATIENCE_SECONDS", 0.3)
    project.state.mkdir(parents=True, exist_ok=True)
    fd = os.open(project.state / "recorder.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(Busy, match="recorded"):
        delete_project(project)
    os.close(fd)
    delete_project(project)


def test_a_rename_that_was_killed_is_completed(project, settings, monkeypatch):
    set_secret(project, "TOKEN", "hunter2")

    def killed(source, target):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(moves, "_move", killed)
        with pytest.raises(Killed):
            rename_project(project, "better")
    assert names(settings) == ["better"]
    renamed = find_project("better", settings.projects, settings)
    assert "hunter2" in secrets_path(renamed).read_text()
    assert sweep(renamed) is None


def test_a_project_made_at_the_old_place_meanwhile_is_left_alone(project, settings, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(moves, "_move", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            rename_project(project, "better")
    new_project("better", settings)
    assert names(settings) == ["better", "work"]


def test_the_state_that_an_earlier_project_left_behind_stays_its_own(settings):
    earlier = new_project("better", settings)
    (earlier.state / "journal").mkdir()
    shutil.move(earlier.path, settings.home / "elsewhere")
    later = new_project("better", settings)
    assert later.state != earlier.state
    assert open_project(later.path, settings).state == later.state
    assert open_project(settings.home / "elsewhere", settings).state == earlier.state


def test_a_copy_has_the_whole_trail_and_nothing_of_the_machine(project, write, settings):
    write("code/a.py", "a")
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    write(".venv/lib/x", "x")
    write("code/__pycache__/a.pyc", "x")
    (project.path / "link").symlink_to("code/a.py")
    os.mkfifo(project.path / "pipe")
    set_secret(project, "TOKEN", "hunter2")
    copy = copy_project(project, "second", NullProgress())
    assert (copy.name, copy.manifest().name) == ("second", "second")
    assert titles(copy) == ["Copied the project work as second", *titles(project)]
    assert (copy.path / "input" / "big.bin").exists()
    assert (copy.path / "link").is_symlink()
    for left in (".venv", "code/__pycache__", "pipe"):
        assert not (copy.path / left).exists()
    assert not secrets_path(copy).exists()
    assert len(copy.repository.refs(RECORDS)) == 1
    for path in (project.path, copy.path):
        git = ["git", "-C", str(path)]
        assert subprocess.run([*git, "fsck", "--strict"], capture_output=True, check=True).returncode == 0
        status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
        assert set(status.stdout.split("\n")) <= {"?? input/big.bin", ""}
    write("code/a.py", "changed")
    sweep(project)
    assert (copy.path / "code" / "a.py").read_text() == "a"
    assert [ref.path for ref in load(copy.repository, sweep(copy).id).record.writes] == ["input/big.bin"]
    assert sweep(copy) is None


def test_a_copy_that_is_stopped_leaves_nothing(project, settings):
    class Stopped(NullProgress):
        cancelled = True

    with pytest.raises(Cancelled):
        copy_project(project, "second", Stopped())
    assert names(settings) == ["work"]
    assert [path.name for path in project.path.parent.iterdir()] == ["work"]


def test_a_nested_repository_is_copied_as_one(project, write):
    Repository.init(project.path / "tools")
    write("tools/x.py", "x")
    copy = copy_project(project, "second", NullProgress())
    assert (copy.path / "tools" / ".git").is_dir()


def test_a_deleted_project_lies_in_the_trash_and_comes_back_whole(project, write, settings):
    write("code/a.py", "not recorded yet")
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    set_secret(project, "TOKEN", "hunter2")
    trashed = delete_project(project)
    assert names(settings) == []
    assert not project.state.exists()
    assert not secrets_path(project).exists()
    assert list_trash(settings) == [trashed]
    restored = restore_project(settings, trashed.id)
    assert restored.path == project.path
    assert (restored.path / "code" / "a.py").read_text() == "not recorded yet"
    assert (restored.path / "input" / "big.bin").exists()
    assert "hunter2" in secrets_path(restored).read_text()
    assert list_trash(settings) == []


def test_a_project_comes_back_under_another_name_when_its_own_is_taken(project, settings):
    trashed = delete_project(project)
    new_project("work", settings)
    with pytest.raises(AlreadyExists):
        restore_project(settings, trashed.id)
    assert restore_project(settings, trashed.id, name="work-2").path.name == "work-2"


def test_the_trash_is_emptied_of_one_or_of_all(settings):
    ids = [delete_project(new_project(name, settings)).id for name in ("a", "b", "c")]
    with pytest.raises(NotFound):
        empty_trash(settings, ["../projects"])
    assert [trashed.name for trashed in empty_trash(settings, ids[:1])] == ["a"]
    assert [trashed.name for trashed in list_trash(settings)] == ["c", "b"]
    assert len(empty_trash(settings)) == 2
    assert list_trash(settings) == []
    assert list((settings.home / "trash").iterdir()) == []


def test_a_move_to_another_disk_copies_whole(tmp_path, settings, monkeypatch):
    source, target = tmp_path / "a", tmp_path / "b"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "x").write_text("x")
    (source / "link").symlink_to("deep")
    original = os.rename

    def rename(self, other):
        if self == source and other == target:
            raise OSError(18, "Invalid cross-device link")
        original(self, other)
        return other

    monkeypatch.setattr(type(source), "rename", rename)
    moves.carry_out(settings, [(source, target)])
    assert (target / "deep" / "x").read_text() == "x"
    assert (target / "link").is_symlink()
    assert not source.exists()


def test_a_project_that_cannot_be_opened_is_said_to_be_none(settings, tmp_path):
    with pytest.raises(NotFound, match="trailmark list"):
        open_project(tmp_path, settings)
