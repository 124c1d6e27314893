"""How an environment came to be: what each change changed, in words, and going back to any of them."""

import os
import subprocess
import tomllib

import pytest

from trailmark.activity import load
from trailmark.activity.index import Index
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.managers.memory import Memory
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import InvalidInput
from trailmark.git import Oid
from trailmark.progress import NullProgress
from trailmark.projects import base as project_base
from trailmark.projects import packages, snippets
from trailmark.projects.catch_up import catch_up
from trailmark.projects.environment import current_lock, find_made
from trailmark.projects.environment_history import OUTSIDE_TITLE, environment_history
from trailmark.projects.manifest_splice import with_environment
from trailmark.projects.note import add_note
from trailmark.projects.prove import verify_environment
from trailmark.projects.resources import set_resources
from trailmark.projects.restore_environment import restore_environment
from trailmark.projects.standing import standing_of
from trailmark.testing.wheels import offline, write_index

INDEX = {"gdal": {"3.8": ["proj>=9"], "3.9": ["proj>=9"]}, "proj": {"9.0": [], "9.1": []}}
PROGRESS = NullProgress()


@pytest.fixture
def means(tmp_path):
    uv = find_uv(offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ))
    return Means(uv, {"conda": Memory(INDEX, "conda")})


@pytest.fixture
def history(project, means):
    """Return the changes of the project's environment, the newest first."""

    def history(**options):
        with Index.open(project.state / "index.sqlite") as index:
            index.refresh(project.repository)
            return environment_history(project, index, means.managers, **options)

    return history


def restore(project, change, means):
    commit = change.row.commit if change.row else change.id
    return restore_environment(project, Oid(commit), change.title, means.managers, record=change.id)


def told(change):
    return change.title, change.difference.lines()


def test_each_change_says_what_it_changed(project, means, history, write):
    packages.add(project, ("alpha<2",), means, PROGRESS)
    packages.add(project, ("gdal<3.9",), means, PROGRESS, manager="conda")
    set_resources(project, cpus=2.0, memory="4 GB", shared_memory=None, gpu=False)
    snippets.set_snippet(project, "10-fonts", "RUN true\n", means, PROGRESS)
    snippets.set_snippet(project, "10-fonts", "RUN false\n", means, PROGRESS)
    packages.remove(project, ("alpha",), means, PROGRESS)
    add_note(project, "Nothing of it is about the environment.")
    write("trailmark.toml", project.manifest_text().replace('description = ""', 'description = "Tides"'))
    catch_up(project)
    found = history().changes
    assert [told(change) for change in found[:-1]] == [
        ("Removed alpha", ["- alpha 1.0"]),
        ("Changed the snippet 10-fonts", ["snippet 10-fonts changed"]),
        ("Added the snippet 10-fonts", ["+ snippet 10-fonts"]),
        ("Chose what a session may use", ["Memory: none → 4 GB", "Processors: none → 2"]),
        ("Added gdal<3.9", ["+ gdal 3.8 (conda)", "+ proj 9.1 (conda)"]),
        ("Added alpha<2", ["+ alpha 1.0", "+ ipykernel 7.0"]),
    ]
    assert found[1].difference.snippets[0].lines == ("- RUN true", "+ RUN false")
    gdal, proj = found[4].difference.packages
    assert (gdal.asked, gdal.wanted_after, proj.asked) == (True, "gdal<3.9", False)
    assert [change.is_current for change in found] == [True, *[False] * 6]
    assert found[-1].difference.facts[0].what == "Python"


def test_it_is_read_page_by_page(project, means, history):
    for name in ("alpha", "beta", "gamma"):
        packages.add(project, (name,), means, PROGRESS)
    whole = [change.id for change in history().changes]
    first = history(limit=2)
    second = history(before=first.older, limit=2)
    assert [change.id for change in (*first.changes, *second.changes)] == whole
    assert second.older is None


def test_what_plain_git_changed_is_named_too(project, means, history, write):
    packages.add(project, ("alpha",), means, PROGRESS)
    text = project.manifest_text().replace('"alpha"', '"alpha", "gamma"')
    write("trailmark.toml", text)
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *person, "commit", "-qam", "Gamma too"], cwd=project.path, check=True)
    add_note(project, "Between.")
    packages.lock_environment(project, means, PROGRESS)
    locked, outside, added, _ = history().changes
    assert told(locked) == ("Locked the environment", ["+ gamma 1.0", "beta 2.0 → 1.0"])
    assert (outside.title, outside.row) == (OUTSIDE_TITLE, None)
    assert outside.difference.lines() == ["+ gamma not resolved yet"]
    restore(project, added, means)
    assert project.manifest().packages == ("alpha",)
    restore(project, outside, means)
    assert project.manifest().packages == ("alpha", "gamma")
    assert standing_of(project, means.managers).state == "stale"


def test_going_back_is_one_record_and_keeps_all_else(project, means, history, write, files):
    packages.add(project, ("alpha<2",), means, PROGRESS)
    digest, then = current_lock(project).digest, files()
    packages.update(project, means, PROGRESS)
    packages.add(project, ("gdal",), means, PROGRESS, manager="conda")
    snippets.set_snippet(project, "10-fonts", "RUN true\n", means, PROGRESS)
    set_resources(project, cpus=2.0, memory=None, shared_memory=None, gpu=True)
    write(
        "trailmark.toml",
        project.manifest_text() + '\n# Keys\nsecrets = ["KEY"]\n'.replace("secrets", "[x]\nkeys"),
    )
    write("code/fit.py", "print(1)\n")
    count = len(list(project.repository.iter_commits(project.repository.head())))
    change = next(each for each in history().changes if each.title == "Added alpha<2")
    altered = restore(project, change, means)
    now = files()
    assert {path: now.get(path) for path in then if path.startswith("environment/")} == {
        path: data for path, data in then.items() if path.startswith("environment/")
    }
    assert not any(path.startswith("environment/snippets") or "conda" in path for path in now)
    value = tomllib.loads(project.manifest_text())
    assert value["environment"] == tomllib.loads(then["trailmark.toml"].decode())["environment"]
    assert (value["x"], "# Keys" in project.manifest_text()) == ({"keys": ["KEY"]}, True)
    assert now["code/fit.py"] == b"print(1)\n"
    # What lay there unrecorded came first, then the one record of going back.
    assert len(list(project.repository.iter_commits(project.repository.head()))) == count + 2
    record = load(project.repository, altered.recorded.id).record
    assert (record.kind, record.environment) == ("environment", digest)
    assert record.title == "Went back to the environment of “Added alpha<2”"
    assert "- snippet 10-fonts" in record.detail["changes"]
    assert record.detail["to"] == change.id
    assert restore(project, change, means) is None


def test_what_was_gone_back_to_is_made_and_proved_as_before(project, means, history):
    packages.add(project, ("alpha<2",), means, PROGRESS)
    packages.add(project, ("beta",), means, PROGRESS)
    packages.remove(project, ("alpha",), means, PROGRESS)
    restore(project, history().changes[2], means)
    assert current_lock(project).pip.find("alpha").version == "1.0"
    assert find_made(project, current_lock(project)) is not None
    assert verify_environment(project, means, PROGRESS).ok
    newest = history().changes[0]
    assert newest.is_current
    restore(project, history().changes[1], means)
    assert project.manifest().packages == ("beta",)


def test_one_can_go_back_to_before_anything_was_locked(project, means, history, files):
    first = history().changes[-1]
    packages.add(project, ("alpha",), means, PROGRESS)
    restore(project, first, means)
    assert current_lock(project) is None
    assert not any(path.startswith("environment/") for path in files())


def test_an_environment_that_cannot_be_read_is_refused(project, means, history, write, files):
    packages.add(project, ("alpha",), means, PROGRESS)
    write("environment/pylock.toml", "not a lock")
    catch_up(project)
    broken = history().changes[0]
    assert broken.after.problem is not None
    packages_of_before = history().changes[1]
    restore(project, packages_of_before, means)
    before = files()
    with pytest.raises(InvalidInput, match="cannot be read"):
        restore(project, broken, means)
    assert files() == before


def test_a_base_that_was_left_comes_back(project, means, history, settings):
    (settings.home / "bases").mkdir()
    (settings.home / "bases" / "course.toml").write_text(
        'id = "course"\nrevision = 1\ntitle = "Course"\n[image]\nlocal = "course:1"\n'
        '[managers.pip]\npackages = ["beta"]\n'
    )
    project_base.change_base(project, load_catalogue(settings.home).get("course"), means, PROGRESS)
    project_base.change_base(project, None, means, PROGRESS)
    without, chosen = history().changes[:2]
    assert without.difference.lines() == ["Base: Course, revision 1 → none", "- beta 2.0"]
    restore(project, chosen, means)
    assert current_lock(project).base.id == "course"
    assert standing_of(project, means.managers).state == "locked"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ('name = "a"\n\n[environment]\npython = ">=3.11"\npackages = []\n', '[environment]\npackages = ["x"]\n'),
        ('name = "a"\n', '[environment]\npackages = ["x"]\n[environment.conda]\npackages = ["y"]\n'),
        ('[environment]\npackages = []\n[files]\nmax_bytes = 5 # five\n', 'name = "b"\n'),
        ('environment.python = ">=3.12"\nname = "a"\n', '[environment]\npackages = ["x"]\n'),
        ('name = "a"\nenvironment = {packages = ["z"]}\n', '[environment.resources]\ncpus = 2\n'),
        ('[environment]\na = 1\n[files]\nmax_bytes = 5\n[environment.conda]\nq = 1\n', '[environment]\nb = 2\n'),
        ('# top\nname = "a"\n[environment.conda]\npackages = ["q"]\n', 'environment = {packages = ["z"]}\n'),
        ('[environment]\na = 1 # gone\n\n# next\n[files]\n', '[environment]\nb = 2\n# other\n[x]\n'),
        ('[environment]\na = [\n[1],\n]\n[files]\n', '[environment]\nb = 2'),
        ('[[apps]]\nname = "x"\n\n[[apps]]\nname = "y"\n', '[environment]\nb = 2\n'),
    ],
)  # fmt: skip
def test_only_one_part_of_a_manifest_is_replaced(now, then):
    changed = with_environment(now, then)
    old, new, source = map(tomllib.loads, (now, changed, then))
    assert new.pop("environment", None) == source.get("environment")
    old.pop("environment", None)
    assert new == old
    for comment in ("# five", "# top", "# next"):
        assert (comment in changed) == (comment in now)


def test_a_manifest_that_is_no_toml_is_refused():
    with pytest.raises(InvalidInput, match="not valid TOML"):
        with_environment("name = ", "")
    with pytest.raises(InvalidInput, match="of then"):
        with_environment("", "name = ")
