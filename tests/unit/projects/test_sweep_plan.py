"""What a person would say happened to the files."""

import pytest

from trailmark.projects.sweep_plan import Content, Differences, Rename, find_renames, title


def content(oid="a", size=1, likeness=None):
    return Content(oid, size, likeness)


def say(*, added=(), saved=(), deleted=(), noticed=()):
    differences = Differences(
        {path: content(f"new {path}") for path in added},
        list(saved),
        {path: content(f"old {path}") for path in deleted},
        dict.fromkeys(noticed, "12 MB, too large for git"),
    )
    return title(differences, find_renames(differences.added, differences.deleted))


def say_moved(**moves):
    old = {old: content(new) for old, new in moves["moves"]}
    new = {new: content(new) for _, new in moves["moves"]}
    return title(Differences(new, [], old, {}), find_renames(new, old))


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ({"saved": ["code/a.ipynb"]}, "Saved code/a.ipynb"),
        ({"added": ["a", "b"]}, "Added a and b"),
        ({"added": ["input/1", "input/2", "input/3"]}, "Added 3 files to input/"),
        ({"added": ["input/x/1", "input/y/2", "input/3"]}, "Added 3 files to input/"),
        ({"added": ["a/1", "b/2", "c/3"]}, "Added 3 files"),
        ({"added": ["inputs/1", "input/2", "input/3"]}, "Added 3 files"),
        ({"deleted": ["output/1"]}, "Deleted output/1"),
        ({"deleted": ["output/1", "output/2", "output/3"]}, "Deleted 3 files from output/"),
        ({"saved": ["a"], "added": ["b"], "deleted": ["c"]}, "Added b, saved a and deleted c"),
        ({"noticed": ["big"]}, "Noticed big (12 MB, too large for git)"),
        ({"noticed": ["x", "y"], "saved": ["a"]}, "Saved a and noticed 2 files that git does not hold"),
        ({"saved": ["a"], "added": ["b"], "deleted": ["c"], "noticed": ["d"]}, "Changed 4 files"),
    ],
)
def test_the_title_says_what_happened(differences, said):
    assert say(**differences) == said


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        ([("a.ipynb", "b.ipynb")], "Renamed a.ipynb to b.ipynb"),
        ([("a.ipynb", "code/a.ipynb")], "Moved a.ipynb to code/"),
        ([("code/a.py", "a.py")], "Moved code/a.py to the top folder"),
        ([("x/a", "y/a"), ("x/b", "y/b")], "Renamed the folder x to y"),
        ([("x/a/1", "y/a/1"), ("x/b/2", "y/b/2")], "Renamed the folder x to y"),
        ([("a", "code/a"), ("lib/b", "code/b")], "Moved 2 files to code/"),
        ([("a", "b"), ("c", "d")], "Renamed 2 files"),
    ],
)
def test_a_rename_is_called_one(moves, said):
    assert say_moved(moves=moves) == said


def test_files_that_hold_the_same_are_paired_by_name_and_each_once():
    old = {"x/a": content(), "x/b": content()}
    new = {"y/b": content(), "y/a": content(), "y/c": content()}
    assert find_renames(new, old) == (Rename("x/a", "y/a"), Rename("x/b", "y/b"))


def test_empty_files_are_not_taken_for_one_another():
    assert find_renames({"b": content(size=0)}, {"a": content(size=0)}) == ()


def test_a_notebook_that_was_run_after_its_rename_is_the_same_notebook():
    old = {"a.ipynb": content("1", likeness="cells")}
    new = {"b.ipynb": content("2", likeness="cells"), "c.txt": content("3")}
    assert find_renames(new, old) == (Rename("a.ipynb", "b.ipynb"),)
