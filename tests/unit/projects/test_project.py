"""A project whose own files are not what they should be."""

import os
from pathlib import Path

import pytest

from trailmark.activity import Action, record
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import InvalidInput
from trailmark.progress import NullProgress
from trailmark.projects import packages
from trailmark.projects.branches import new_branch
from trailmark.projects.catch_up import catch_up
from trailmark.projects.copy import copy_project
from trailmark.projects.environment import LOCK_PATH
from trailmark.projects.listing import iter_project_paths
from trailmark.projects.manifest import FILE_NAME
from trailmark.projects.project import open_project
from trailmark.projects.rollback import go_back
from trailmark.projects.switch import switch_branch
from trailmark.testing.wheels import offline, write_index

BROKEN = {
    "no TOML": lambda path: path.write_text("name = [oops"),
    "no UTF-8": lambda path: path.write_bytes(b'name = "caf\xe9"'),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link": lambda path: path.symlink_to("/dev/zero"),
    "nested beyond reason": lambda path: path.write_text("x = " + "[" * 50_000),
    "too large": lambda path: path.write_bytes(b"#" * 2_000_000),
    "nothing": lambda path: None,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a limit beyond reason": lambda path: path.write_text("[files]\nmax_bytes = 1_000_000_000_000"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_manifest_is_named_and_stops_no_recording(project, files, kind):
    project.manifest_path.unlink()
    BROKEN[kind](project.manifest_path)
    (project.path / "output" / "a.txt").write_text("1")
    assert len(catch_up(project)) == 1
    assert files()["output/a.txt"] == b"1"
    reopened = open_project(project.path, project.settings)
    assert reopened.max_file_bytes() == project.settings.max_file_bytes
    with pytest.raises(InvalidInput, match=FILE_NAME):
        reopened.manifest()
    assert list(iter_project_paths(project.settings)) == [project.path]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('name = "a"\n\npackages = [\n', "at end of document"),
        ('name = "a"\nname\n', "at line 2"),
        ("name = 1\n", "line 1"),
        ('name = "a"\n[environment]\n# packages\npackages = "numpy"\n', "line 4"),
        ('name = "a"\nfiles = 3\n', "line 2"),
        ('[tool]\nmax_bytes = "big"\n[files]\n"max_bytes" = "big"\n', "line 4"),
        ("environment.python = 3\n", "line 1"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_said_with_its_line_and_how_to_mend_it(project, text, line):
    project.manifest_path.write_text(text)
    with pytest.raises(InvalidInput, match=rf"{line}.*trailmark rollback ID"):
        project.manifest()


def test_a_project_whose_manifest_is_gone_or_broken_goes_back(project, write):
    before = catch_up(project) or [record(project.trail, Action("note", "a note"))]
    for break_it in (Path.unlink, lambda path: path.write_text("name = [oops")):
        break_it(project.manifest_path)
        reopened = open_project(project.path, project.settings)
        go_back(reopened, before[-1].id)
        assert reopened.manifest().name == "work"


def test_a_branch_without_a_manifest_can_be_left_again(project):
    new_branch(project, "without")
    switch_branch(project, "without")
    project.manifest_path.unlink()
    catch_up(project)
    switch_branch(project, "main")
    assert project.manifest().name == "work"
    switch_branch(project, "without")
    assert not project.manifest_path.exists()
    switch_branch(open_project(project.path, project.settings), "main")
    assert project.manifest().name == "work"


def test_a_copy_does_not_write_through_a_link(project, tmp_path):
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('name = "elsewhere"\n')
    project.manifest_path.unlink()
    project.manifest_path.symlink_to(elsewhere)
    with pytest.raises(InvalidInput, match="ordinary"):
        copy_project(project, "copy", NullProgress())
    assert elsewhere.read_text() == 'name = "elsewhere"\n'


def test_a_lock_is_not_written_through_a_link(project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.path / "environment").symlink_to(outside)
    uv = find_uv(offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ))
    packages.add(project, ("alpha",), Means(uv, {}), NullProgress())
    assert list(outside.iterdir()) == []
    assert "alpha" in (project.path / LOCK_PATH).read_text()
    assert not Path(project.path / "environment").is_symlink()
    assert project.manifest().packages == ("alpha",)
