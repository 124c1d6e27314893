"""A project and its state stay together, however the project is moved."""

import shutil
import time

from trailmark.activity import load
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.projects.secrets import secrets_path, set_secret
from trailmark.projects.state import place_of, state_for
from trailmark_capture.journal import Writer, new_id


def entry(**facts):
    base = {"type": "end", "id": new_id(), "kind": "cell", "status": "ok", "code": "1"}
    return {**base, "started": time.time() - 1, "ended": time.time(), **facts}


def test_what_was_journalled_before_a_project_was_moved_is_recorded_after(project, settings, files):
    set_secret(project, "TOKEN", "hunter2")
    (project.path / "output" / "a.txt").write_text("1")
    writer = Writer(project.state / "journal", "kernel-1")
    writer.append(entry(writes=[{"path": "output/a.txt"}]))
    target = project.path.with_name("moved")
    shutil.move(project.path, target)
    (target / "output" / "b.txt").write_text("2")
    writer.append(entry(writes=[{"path": f"{target}/output/b.txt", "external": True}]))
    writer.close()
    moved = open_project(target, settings)
    assert (moved.state, place_of(moved.state)) == (project.state, target)
    assert secrets_path(moved) == secrets_path(project)
    first, second = (load(moved.repository, done.id).record for done in catch_up(moved))
    assert [file.path for file in first.writes] == ["output/a.txt"]
    assert [(file.path, file.external) for file in second.writes] == [("output/b.txt", False)]


def test_a_plain_copy_has_a_state_of_its_own(project, settings):
    target = project.path.with_name("copy")
    shutil.copytree(project.path, target, symlinks=True)
    copy = open_project(target, settings)
    assert copy.state != project.state
    assert open_project(project.path, settings).state == project.state
    assert open_project(target, settings).state == copy.state


def test_a_state_is_found_again_when_what_git_holds_of_it_was_removed(project, settings):
    shutil.rmtree(project.path / ".git" / "trailmark")
    assert open_project(project.path, settings).state == project.state


def test_a_project_cannot_name_the_state_of_another(project, settings):
    other = new_project("other", settings)
    name = project.path / ".git" / "trailmark" / "state"
    for named in (other.state.name, "../../elsewhere", "", ".hidden", "x" * 300):
        name.write_text(named)
        assert open_project(project.path, settings).state == project.state
    assert open_project(other.path, settings).state == other.state


def test_a_project_that_cannot_be_written_has_a_state_all_the_same(project, settings, monkeypatch):
    shutil.rmtree(project.path / ".git" / "trailmark")
    (project.path / ".git" / "trailmark").write_text("in the way")
    state = state_for(project.path, project.repository.git_folder, settings)
    assert state == project.state
