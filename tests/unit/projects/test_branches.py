"""Branches: list, begin, switch, end."""

import pytest

from trailmark.activity import load
from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.projects.branches import delete_branch, list_branches, new_branch
from trailmark.projects.note import add_note
from trailmark.projects.sweep import sweep
from trailmark.projects.switch import switch_branch


@pytest.fixture
def past(project, write):
    write("a", "one")
    recorded = sweep(project)
    write("a", "two")
    sweep(project)
    return recorded


def text(project):
    return (project.path / "a").read_text()


def test_a_branch_begins_at_the_present_and_leaves_the_files_alone(project, past, write, read):
    write("b", "not recorded yet")
    recorded = new_branch(project, "idea")
    assert project.repository.branch() == "main"
    record = read(recorded)
    assert (record.kind, record.title) == ("branch", "Began the branch idea")
    assert record.detail["branch"] == "idea"
    assert project.repository.find_ref("refs/heads/idea") == recorded.commit
    assert project.repository.commit(recorded.commit).parents == (project.repository.head(),)
    assert (project.path / "b").read_text() == "not recorded yet"


def test_a_branch_from_a_record_has_the_files_of_then(project, past):
    new_branch(project, "idea", start=past.id)
    assert text(project) == "two"
    switched = switch_branch(project, "idea")
    assert (switched.branch, switched.left, switched.restored.written) == ("idea", "main", ("a",))
    assert text(project) == "one"
    switch_branch(project, "main")
    assert text(project) == "two"


def test_what_was_not_recorded_stays_on_the_branch_that_is_left(project, past, write):
    new_branch(project, "idea")
    write("c", "mine")
    switch_branch(project, "idea")
    assert not (project.path / "c").exists()
    switch_branch(project, "main")
    assert (project.path / "c").read_text() == "mine"


def test_switching_to_the_current_branch_changes_nothing(project, past):
    head = project.repository.head()
    assert switch_branch(project, "main").restored.written == ()
    assert project.repository.head() == head


def test_a_branch_that_only_the_remote_has_is_taken_over(project, past):
    repository = project.repository
    first = list(repository.iter_commits(repository.head()))[1].oid
    repository.update_ref("refs/remotes/origin/theirs", first, expected=None, reason="test")
    switch_branch(project, "theirs")
    assert text(project) == "one"
    assert repository.branch() == "theirs"


def test_the_list_tells_what_is_ahead_and_behind(project, past):
    new_branch(project, "idea", start=past.id)
    current, other = list_branches(project)
    assert (current.name, current.is_current, current.ahead, current.behind) == ("main", True, 0, 0)
    assert (other.name, other.is_current, other.ahead, other.behind) == ("idea", False, 1, 1)
    assert other.title == "Began the branch idea"


@pytest.mark.parametrize("name", ["main", "Main", "idea", "idea/deeper"])
def test_a_name_that_is_taken_is_refused(project, past, name):
    new_branch(project, "idea")
    before = project.repository.refs("refs/")
    with pytest.raises(AlreadyExists):
        new_branch(project, name)
    assert project.repository.refs("refs/") == before


@pytest.mark.parametrize("name", ["--output=x", "a b", "", "a..b", "x.lock", "HEAD", "refs/heads/x", "é"])
def test_a_name_that_git_or_its_hosts_refuse_is_refused(project, name):
    with pytest.raises(InvalidInput):
        new_branch(project, name)
    with pytest.raises(InvalidInput):
        switch_branch(project, name)


def test_what_is_not_there_is_not_found(project):
    with pytest.raises(NotFound):
        switch_branch(project, "nothing")
    with pytest.raises(NotFound):
        new_branch(project, "idea", start="01M847FHVQANAA9JWEYFDCXX8A")
    assert project.repository.find_ref("refs/heads/idea") is None


def test_an_ended_branch_keeps_its_commits(project, past):
    new_branch(project, "idea")
    switch_branch(project, "idea")
    with pytest.raises(InvalidInput, match="current"):
        delete_branch(project, "idea")
    switch_branch(project, "main")
    tip = project.repository.find_ref("refs/heads/idea")
    delete_branch(project, "idea")
    assert [branch.name for branch in list_branches(project)] == ["main"]
    assert tip in project.repository.refs("refs/trailmark/deleted/").values()


def test_a_note_stands_in_the_trail(project, past):
    recorded = add_note(project, "# What I saw\n\nIt *is* linear.", about=past.id)
    stored = load(project.repository, recorded.id)
    assert (stored.record.kind, stored.record.title) == ("note", "What I saw")
    assert stored.record.detail == {"about": past.id}
    assert stored.text == "# What I saw\n\nIt *is* linear."


def test_an_empty_note_and_a_note_about_nothing_are_refused(project):
    with pytest.raises(InvalidInput):
        add_note(project, "  \n")
    with pytest.raises(NotFound):
        add_note(project, "x", about="01M847FHVQANAA9JWEYFDCXX8A")
