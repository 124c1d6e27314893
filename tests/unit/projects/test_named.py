"""Which environments are somebody's: those in a project's files, and at the tip of each of its branches."""

import shutil

import pytest

from trailmark.environments.model import parse_lock
from trailmark.projects.branches import new_branch
from trailmark.projects.catch_up import catch_up
from trailmark.projects.environment import LOCK_PATH
from trailmark.projects.named import named_environments
from trailmark.projects.project import open_project
from trailmark.projects.used import forget_use, note_use, uses


def lock(mark):
    return f'lock-version = "1.0"\ncreated-by = "{mark}"\npackages = []\n'


@pytest.fixture
def digest(project):
    return lambda mark: parse_lock(lock(mark), project.manifest().python).digest


def test_files_and_the_tips_of_all_branches_count_and_what_was_before_does_not(
    project, write, settings, digest
):
    for mark in ("older", "at the tip"):
        write(LOCK_PATH, lock(mark))
        catch_up(project)
    new_branch(project, "other")
    write(LOCK_PATH, lock("on main"))
    catch_up(project)
    write(LOCK_PATH, lock("not recorded yet"))
    named = named_environments(settings)
    assert named.environments == {digest(mark) for mark in ("at the tip", "on main", "not recorded yet")}
    assert named.wholes == named.environments
    assert named.unread == ()


def test_a_project_counts_wherever_it_was_worked_in(project, write, settings, digest, tmp_path):
    write(LOCK_PATH, lock("elsewhere"))
    catch_up(project)
    expected = {digest("elsewhere")}
    shutil.move(project.path, tmp_path / "moved")
    assert named_environments(settings).environments == frozenset()
    open_project(tmp_path / "moved", settings)
    assert named_environments(settings).environments == expected


def test_what_cannot_be_read_is_told_and_hides_nothing_else(project, write, settings, digest):
    write(LOCK_PATH, lock("good"))
    catch_up(project)
    write(LOCK_PATH, "lock-version = [")
    named = named_environments(settings)
    assert named.environments == {digest("good")}
    (told,) = named.unread
    assert str(project.path) in told


def test_uses_are_noted_and_forgotten(settings):
    assert uses(settings) == {}
    note_use(settings, "a" * 64)
    note_use(settings, "b" * 64)
    assert uses(settings).keys() == {"a" * 64, "b" * 64}
    forget_use(settings, "a" * 64)
    forget_use(settings, "a" * 64)
    assert uses(settings).keys() == {"b" * 64}
