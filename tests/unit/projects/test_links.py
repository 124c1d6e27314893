"""Links that lead out of a project: nothing of Trailmark's writes, deletes, moves or reads through one."""

import os
import shutil

import pytest

from trailmark.errors import TrailmarkError
from trailmark.progress import NullProgress
from trailmark.projects.branches import new_branch
from trailmark.projects.catch_up import catch_up
from trailmark.projects.copy import copy_project
from trailmark.projects.delete import delete_project, empty_trash
from trailmark.projects.describe import describe, edit_readme
from trailmark.projects.export import export_project
from trailmark.projects.file_changes import delete, make_folder, move, put_file, write_file
from trailmark.projects.files import list_folder, open_file
from trailmark.projects.importing import apply_import, plan_import
from trailmark.projects.note import add_note
from trailmark.projects.packages import current_lock
from trailmark.projects.rollback import go_back
from trailmark.projects.sweep import sweep
from trailmark.projects.switch import switch_branch

FOLDERS = ("code", "environment", "input", "output")


@pytest.fixture
def outside(tmp_path):
    """Return folders that lie outside of the project, with a file in each that is of the same name as one inside."""
    for folder in FOLDERS:
        (tmp_path / "outside" / folder / "sub").mkdir(parents=True)
        for name in ("a.py", "sub/b.py", "pylock.toml", ".gitkeep"):
            (tmp_path / "outside" / folder / name).write_text("theirs")
    (tmp_path / "outside" / "trailmark.toml").write_text('name = "theirs"\n')
    (tmp_path / "outside" / "README.md").write_text("# theirs\n")
    return tmp_path / "outside"


@pytest.fixture
def before(project, write):
    """Return the record of a state in which every folder holds files."""
    for folder in FOLDERS:
        write(f"{folder}/a.py", "ours")
        write(f"{folder}/sub/b.py", "ours")
    write("environment/pylock.toml", "lock-version = '1.0'\n")
    return sweep(project).id


@pytest.fixture
def linked(project, before, outside):
    """Return the project with links in the places of its folders, its manifest and its README."""
    for folder in FOLDERS:
        shutil.rmtree(project.path / folder)
        (project.path / folder).symlink_to(outside / folder)
    for name in ("trailmark.toml", "README.md"):
        (project.path / name).unlink()
        (project.path / name).symlink_to(outside / name)
    return project


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def _upload(project, path, tmp_path):
    source = tmp_path / "upload"
    source.write_bytes(b"new")
    return put_file(project, path, source, replace=True)


REFUSED = {
    "upload over a file": lambda project, tmp: _upload(project, "code/a.py", tmp),
    "upload a new file": lambda project, tmp: _upload(project, "code/sub/new.py", tmp),
    "write": lambda project, _: write_file(project, "output/a.py", b"x", told="x"),
    "make a folder": lambda project, _: make_folder(project, "code/made"),
    "move out of": lambda project, _: move(project, "code/a.py", "b.py"),
    "move into": lambda project, _: move(project, ".gitignore", "code/ignored"),
    "move within": lambda project, _: move(project, "code/sub", "code/below"),
    "delete a file": lambda project, _: delete(project, "code/a.py"),
    "delete a folder": lambda project, _: delete(project, "code/sub"),
    "describe": lambda project, _: describe(project, "what it is"),
    "copy": lambda project, _: copy_project(project, "other", NullProgress()),
}
DONE_BESIDE = {
    "upload over a link": lambda project, tmp: _upload(project, "trailmark.toml", tmp),
    "move a link": lambda project, _: move(project, "code", "other"),
    "delete a link": lambda project, _: delete(project, "input"),
    "edit the README": lambda project, _: edit_readme(project, "# ours"),
    "catch up": lambda project, _: catch_up(project),
    "note": lambda project, _: add_note(project, "a note"),
    "export": lambda project, tmp: export_project(project, tmp, NullProgress()),
}


def test_what_would_go_through_a_link_is_refused(linked, outside, tmp_path):
    theirs = tree(outside)
    for verb, carry_out in REFUSED.items():
        with pytest.raises(TrailmarkError):
            carry_out(linked, tmp_path)
        assert tree(outside) == theirs, verb


def test_what_concerns_a_link_itself_leaves_what_it_leads_to(linked, outside, tmp_path):
    theirs = tree(outside)
    for verb, carry_out in DONE_BESIDE.items():
        carry_out(linked, tmp_path)
        assert tree(outside) == theirs, verb


def test_going_back_puts_the_files_in_the_place_of_links(linked, before, outside):
    theirs = tree(outside)
    go_back(linked, before)
    assert not any((linked.path / folder).is_symlink() for folder in FOLDERS)
    assert (linked.path / "code" / "sub" / "b.py").read_text() == "ours"
    assert linked.manifest().name == "work"
    assert tree(outside) == theirs


def test_other_branches_are_checked_out_beside_links(project, before, outside, write):
    new_branch(project, "links")
    switch_branch(project, "links")
    for folder in FOLDERS:
        shutil.rmtree(project.path / folder)
        (project.path / folder).symlink_to(outside / folder)
    theirs = tree(outside)
    switch_branch(project, "main")
    assert (project.path / "code" / "a.py").read_text() == "ours"
    switch_branch(project, "links")
    assert os.readlink(project.path / "code") == str(outside / "code")
    assert tree(outside) == theirs


def test_what_lies_behind_a_link_is_not_read(linked):
    for path in ("code/a.py", "code/sub/b.py", "code", "trailmark.toml", "README.md"):
        with pytest.raises(TrailmarkError):
            open_file(linked, path)
    for folder in ("code", "code/sub"):
        with pytest.raises(TrailmarkError):
            list_folder(linked, folder)
    with pytest.raises(TrailmarkError):
        linked.manifest()
    assert current_lock(linked) is None


def test_deleting_for_good_leaves_what_links_lead_to(linked, outside, settings):
    theirs = tree(outside)
    delete_project(linked)
    empty_trash(settings)
    assert tree(outside) == theirs


def test_an_export_with_links_is_imported_as_links(project, before, outside, settings, tmp_path):
    shutil.rmtree(project.path / "code")
    (project.path / "code").symlink_to(outside / "code")
    exported = export_project(project, tmp_path, NullProgress())
    theirs = tree(outside)
    plan = plan_import(str(exported.path), settings, NullProgress(), here=tmp_path)
    taken = apply_import(plan, settings, NullProgress(), name="taken")
    assert (taken.path / "code").is_symlink()
    go_back(taken, before)
    assert (taken.path / "code" / "a.py").read_text() == "ours"
    assert tree(outside) == theirs
