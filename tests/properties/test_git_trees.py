"""Trees of git against a dictionary of paths: written, compared, turned into one another."""

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark.git import EXECUTABLE, FILE, Entry, Oid, Repository

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "a0", "é", "z z"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ENTRIES = st.tuples(st.integers(0, 5), st.sampled_from([FILE, EXECUTABLE]))
PUTS = st.dictionaries(PATHS, ENTRIES, max_size=8)
Files = dict[str, tuple[int, int]]


@cache
def repository() -> Repository:
    return Repository.init(Path(tempfile.mkdtemp(prefix="trailmark-trees-")))


def entry_of(file: tuple[int, int]) -> Entry:
    return Entry(repository().write_blob(b"%d" % file[0]), file[1])


def is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def applied(files: Files, remove: set[str], put: Files) -> Files:
    """The model: first what is removed goes, then each path that is put takes the place of what is in its way."""
    result = {
        path: file
        for path, file in files.items()
        if not any(path == gone or is_below(path, gone) for gone in remove)
    }
    for path, file in put.items():
        result = {
            other: kept
            for other, kept in result.items()
            if other != path and not is_below(other, path) and not is_below(path, other)
        }
        result[path] = file
    return result


def write(base: Oid | None, remove: set[str], put: Files) -> Oid:
    changes: dict[str, Entry | None] = {path: entry_of(file) for path, file in put.items()}
    return repository().write_tree(base, changes | dict.fromkeys(remove - put.keys()))


def read(tree: Oid | None) -> dict[str, Entry]:
    return dict(repository().iter_files(tree))


def expected(files: Files) -> dict[str, Entry]:
    return {path: entry_of(file) for path, file in files.items()}


@settings(max_examples=200, deadline=None)
@given(PUTS, st.sets(PATHS, max_size=5), PUTS)
def test_a_tree_is_what_the_changes_say(first: Files, remove: set[str], put: Files) -> None:
    start = applied({}, set(), first)
    base = write(None, set(), first)
    assert read(base) == expected(start)
    assert read(write(base, remove, put)) == expected(applied(start, remove - put.keys(), put))


@settings(max_examples=100, deadline=None)
@given(PUTS, PUTS)
def test_the_difference_turns_one_tree_into_the_other(one: Files, other: Files) -> None:
    old, new = write(None, set(), one), write(None, set(), other)
    changes = repository().diff(old, new)
    before, after = read(old), read(new)
    assert [change.path for change in changes] == sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    assert all(
        (change.old, change.new) == (before.get(change.path), after.get(change.path)) for change in changes
    )
    assert repository().write_tree(old, {change.path: change.new for change in changes}) == new


@settings(max_examples=50, deadline=None)
@given(PUTS, PATHS)
def test_a_path_is_found_as_the_whole_list_says(files: Files, path: str) -> None:
    tree = write(None, set(), files)
    found = repository().find_entry(tree, path)
    listed = read(tree)
    if path in listed:
        assert found == listed[path]
    else:
        assert (found is not None) == any(is_below(other, path) for other in listed)
