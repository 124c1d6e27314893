"""Asking for another environment while somebody else does, after a crash, and over a lock that is damaged."""

import os
import signal
import subprocess
import sys

import pytest

from trailmark.activity.index import Index
from trailmark.activity.query import Filter
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.interpreter import list_interpreters, own_interpreter
from trailmark.environments.managers.memory import Memory
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import Busy, Damaged, InvalidInput, NotFound, Unavailable
from trailmark.progress import NullProgress
from trailmark.projects import base as project_base
from trailmark.projects import packages, snippets
from trailmark.projects.environment import current_lock, find_made, readable_request
from trailmark.projects.standing import standing_of
from trailmark.testing.wheels import offline, write_index

INDEX = {"gdal": {"3.8": [], "3.9": []}, "geos": {"3.12": []}}
PROGRESS = NullProgress()
KILLED = """
import os, signal, sys
from trailmark.git import checkout
checkout.apply_checkout = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
from trailmark.cli.program import run
from pathlib import Path
sys.exit(run(sys.argv[1:], os.environ, Path.cwd()))
"""


class Told(NullProgress):
    """Keeps what is told."""

    def __init__(self):
        self.steps = []

    def step(self, message, fraction=None):
        self.steps.append(message)


class Typing(Memory):
    """A manager during whose solving somebody types a line into the manifest."""

    def __init__(self, type_line):
        super().__init__(INDEX, "conda")
        self.type_line = type_line
        self.solved = 0

    def solve(self, *arguments, **options):
        self.solved += 1
        self.type_line(self.solved)
        return super().solve(*arguments, **options)


@pytest.fixture
def environ(tmp_path):
    return offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ)


@pytest.fixture
def means(environ):
    return Means(find_uv(environ), {"conda": Memory(INDEX, "conda"), "apt": Memory(INDEX, "apt")})


@pytest.fixture
def ask(project, write):
    """Change the manifest by hand."""

    def ask(old, new):
        assert old in project.manifest_text()
        write("trailmark.toml", project.manifest_text().replace(old, new))

    return ask


def state_of(project, means):
    standing = standing_of(project, means.managers)
    return standing.state, " ".join(standing.why)


def records(project):
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        return index.page(Filter(kind="environment"), limit=100)


def call(project, environ, *arguments, program=("-m", "trailmark")):
    return subprocess.Popen(
        [sys.executable, *program, "-C", str(project.path), *arguments],
        env={**environ, "TRAILMARK_HOME": str(project.settings.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_changes_at_once_none_is_lost(project, environ):
    both = [call(project, environ, "env", "add", name) for name in ("alpha", "beta")]
    said = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert set(project.manifest().packages) == {"alpha", "beta"}
    assert current_lock(project).asked.parts["pip"].requirements == ("alpha", "beta")


def test_a_line_that_is_typed_meanwhile_is_kept(project, means, ask):
    packages.add(project, ("alpha",), means, PROGRESS)
    typing = Typing(lambda n: ask('"alpha"', '"alpha", "beta"') if n == 1 else None)
    means = Means(means.uv, {**means.managers, "conda": typing})
    told = Told()
    packages.add(project, ("gdal",), means, told, manager="conda")
    assert project.manifest().packages == ("alpha", "beta")
    assert project.manifest().others["conda"].requirements == ("gdal",)
    assert {"alpha", "beta"} <= {one.name for one in current_lock(project).packages}
    assert (typing.solved, any("meanwhile" in step for step in told.steps)) == (2, True)
    assert state_of(project, means)[0] == "locked"


def test_a_project_that_never_stands_still_is_given_up(project, means, write):
    typing = Typing(lambda n: write("trailmark.toml", f"# {n}\n"))
    means = Means(means.uv, {**means.managers, "conda": typing})
    with pytest.raises(Busy, match="again"):
        packages.add(project, ("gdal",), means, PROGRESS, manager="conda")
    assert current_lock(project) is None


def test_what_was_recorded_before_a_crash_is_not_undone(project, means, environ):
    packages.add(project, ("gamma",), means, PROGRESS)
    for before, name in (("gamma", "alpha<2"), ("alpha<2", "beta")):
        killed = call(project, environ, "env", "add", name, program=("-c", KILLED))
        killed.communicate(timeout=120)
        assert (killed.returncode, project.manifest().packages[-1]) == (-signal.SIGKILL, before)
        shown = call(project, environ, "env", "show", "--json")
        assert f'"{name[:4]}' in shown.communicate(timeout=120)[0]
        assert project.manifest().packages[-1] == name
    killed = call(project, environ, "env", "remove", "beta", program=("-c", KILLED))
    killed.communicate(timeout=120)
    packages.add(project, ("on-mac",), means, PROGRESS)
    assert project.manifest().packages == ("gamma", "alpha<2", "on-mac")


def other_python(uv):
    own = own_interpreter().minor
    found = (one.minor for one in list_interpreters(uv) if one.minor != own)
    return next(found, None)


def test_adding_keeps_the_python_of_the_lock(project, means, ask):
    other = other_python(means.uv)
    if other is None:
        pytest.skip("needs a second Python")
    ask('python = ">=3.11"', f'python = "=={other}.*"')
    packages.add(project, ("beta",), means, PROGRESS)
    ask(f'python = "=={other}.*"', 'python = ">=3"')
    assert "3" in state_of(project, means)[1]
    for change in (
        lambda: packages.add(project, ("alpha",), means, PROGRESS),
        lambda: packages.lock_environment(project, means, PROGRESS),
        lambda: packages.update(project, means, PROGRESS),
    ):
        change()
        assert current_lock(project).pip.requires_python == f"=={other}.*"
    assert state_of(project, means) == ("locked", "")
    own = own_interpreter().minor
    ask('python = ">=3"', f'python = "=={own}.*"')
    changed = snippets.set_snippet(project, "10-a", "RUN true", means, PROGRESS)
    assert current_lock(project).pip.requires_python == f"=={own}.*"
    assert f"Python {other} → {own}" in changed.changes


def test_a_locked_python_that_is_not_here_is_not_exchanged_in_passing(project, means, write):
    packages.add(project, ("beta",), means, PROGRESS)
    own, lock = own_interpreter(), project.read_text("environment/pylock.toml", 10**6)
    write("environment/pylock.toml", lock.replace(f"=={own.minor}.*", "==3.98.*"))
    write("trailmark.toml", project.manifest_text())
    with pytest.raises(Unavailable, match=r"3\.98"):
        packages.add(project, ("alpha",), means, PROGRESS)
    changed = packages.update(project, means, PROGRESS)
    assert f"Python 3.98 → {own.minor}" in changed.changes


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"alpha",\n    "beta"', '"alpha"', "no longer asked for: beta"),
        ('"beta"', '"beta[fast]"', "beta"),
        ('"beta"', "\"beta ; sys_platform == 'win32'\"", "beta"),
        ('"beta"', '"beta @ https://example.org/beta-1.0-py3-none-any.whl"', "beta"),
        ('python = ">=3.11"', 'python = ">=3.11,<4"', "Python"),
        ('packages = ["gdal"]', 'packages = ["gdal"]\nchannels = ["elsewhere"]', "elsewhere"),
        ('packages = ["gdal"]', 'packages = ["gdal[build=1]"]', "gdal"),
    ],
)
def test_every_change_by_hand_is_seen(project, means, ask, before, after, said):
    packages.add(project, ("alpha", "beta"), means, PROGRESS)
    packages.add(project, ("gdal",), means, PROGRESS, manager="conda")
    digest = current_lock(project).digest
    assert state_of(project, means) == ("locked", "")
    ask(before, after)
    try:
        state, why = state_of(project, means)
    except InvalidInput as error:
        state, why = "stale", str(error)
    assert (state, said in why) == ("stale", True), why
    assert current_lock(project).digest == digest


def test_a_lock_from_before_is_judged_by_what_it_holds(project, means, ask):
    packages.add(project, ("alpha",), means, PROGRESS)
    digest = current_lock(project).digest
    (project.path / "environment" / "asked.toml").unlink()
    assert (current_lock(project).digest, state_of(project, means)) == (digest, ("locked", ""))
    ask('"alpha"', '"alpha", "gamma"')
    assert state_of(project, means)[0] == "stale"


def test_a_base_or_snippet_that_is_changed_by_hand_is_stale(project, means, settings, write):
    project_base.change_base(project, load_catalogue(settings.home).get("python-minimal"), means, PROGRESS)
    snippets.set_snippet(project, "10-a", "RUN true", means, PROGRESS)
    assert state_of(project, means) == ("locked", "")
    write("environment/snippets/10-a.dockerfile", "RUN false\n")
    assert (state_of(project, means)[0], "snippets" in state_of(project, means)[1]) == ("stale", True)
    write("environment/snippets/10-a.dockerfile", "RUN true\n")
    text = project.read_text("environment/base.toml", 10**6)
    write("environment/base.toml", text.replace('reference = "', 'reference = "mirror.example/'))
    assert (state_of(project, means)[0], "base.toml" in state_of(project, means)[1]) == ("stale", True)
    packages.lock_environment(project, means, PROGRESS)
    assert state_of(project, means) == ("locked", "")


@pytest.mark.parametrize("name", ["pylock.toml", "conda-lock.yml", "asked.toml"])
def test_a_damaged_lock_is_mended_by_locking(project, means, write, name):
    packages.add(project, ("alpha",), means, PROGRESS)
    packages.add(project, ("gdal<3.9",), means, PROGRESS, manager="conda")
    before = current_lock(project)
    write(f"environment/{name}", f"<<<<<<< ours\n{project.read_text(f'environment/{name}', 10**6)}")
    with pytest.raises(Damaged):
        packages.update(project, means, PROGRESS)
    told = Told()
    packages.lock_environment(project, means, told)
    assert current_lock(project).digest == before.digest
    assert any("as if it had not been before" in step for step in told.steps)
    assert state_of(project, means) == ("locked", "")


def test_a_damaged_base_is_mended_by_locking(project, means, settings, write):
    project_base.change_base(project, load_catalogue(settings.home).get("python-minimal"), means, PROGRESS)
    digest = current_lock(project).digest
    write("environment/base.toml", "<<<<<<< ours\n")
    packages.lock_environment(project, means, PROGRESS)
    assert (current_lock(project).digest, state_of(project, means)) == (digest, ("locked", ""))


def test_what_changed_nothing_is_no_record(project, means, ask):
    packages.add(project, ("alpha",), means, PROGRESS)
    many = len(records(project))
    same = packages.lock_environment(project, means, PROGRESS)
    assert (same.is_recorded, same.changes, len(records(project))) == (False, (), many)
    ask('"alpha"', "\"alpha ; sys_platform != 'win32'\"")
    changed = packages.lock_environment(project, means, PROGRESS)
    assert (len(changed.changes), "sys_platform" in changed.changes[0]) == (1, True)


def test_packages_of_other_machines_are_marked(project, means):
    changed = packages.add(project, ("on-mac", "gamma ; sys_platform == 'darwin'"), means, PROGRESS)
    assert "+ on-mac 1.0" in changed.changes
    here = sys.platform == "darwin"
    assert ("+ gamma 1.0" in changed.changes) is here
    assert ("+ gamma 1.0 (for other machines)" in changed.changes) is not here


def test_what_is_not_there_cannot_be_updated(project, means):
    packages.add(project, ("alpha",), means, PROGRESS)
    packages.add(project, ("gdal<3.9",), means, PROGRESS, manager="conda")
    for names, manager in ((("nosuchthing",), None), (("alpha",), "apt"), ((), "apt"), (("gdal",), "pip")):
        with pytest.raises(NotFound, match="nothing was changed"):
            packages.update(project, means, PROGRESS, names=names, manager=manager)
    assert packages.update(project, means, PROGRESS, names=("gdal",)).changes == ()
    packages.add(project, ("gdal",), means, PROGRESS, manager="conda")
    assert packages.update(project, means, PROGRESS, names=("GDAL",)).changes == ("gdal 3.8 → 3.9 (conda)",)


def test_a_base_that_nobody_has_locks_nobody_out(project, means, ask):
    packages.add(project, ("alpha",), means, PROGRESS)
    ask('python = ">=3.11"', 'base = "gone"\npython = ">=3.11"')
    assert (state_of(project, means)[0], "gone" in state_of(project, means)[1]) == ("stale", True)
    project_base.change_base(project, None, means, PROGRESS)
    assert (project.manifest().base, state_of(project, means)[0]) == (None, "locked")


def test_a_snippet_that_may_not_be_is_removed(project, means, write):
    snippets.set_snippet(project, "10-a", "RUN true", means, PROGRESS)
    write("environment/snippets/nonsense.dockerfile", "RUN true\n")
    write("environment/snippets/20-b.dockerfile", "FROM x\n")
    assert len(readable_request(project)[1]) == 2
    snippets.remove_snippet(project, "nonsense", means, PROGRESS)
    snippets.remove_snippet(project, "10-a", means, PROGRESS)
    snippets.remove_snippet(project, "20-b", means, PROGRESS)
    assert list((project.path / "environment" / "snippets").glob("*")) == []
    assert (current_lock(project).snippets, state_of(project, means)[0]) == ((), "locked")


def test_line_ends_of_a_check_out_change_no_digest(project, means, write):
    packages.add(project, ("gdal",), means, PROGRESS, manager="conda")
    lock = current_lock(project)
    for name in ("conda-lock.yml", "pylock.toml", "asked.toml"):
        path = f"environment/{name}"
        write(path, project.read_text(path, 10**6).replace("\n", "\r\n"))
    assert current_lock(project).digest == lock.digest
    assert state_of(project, means) == ("locked", "")


def test_a_launch_says_that_something_else_is_asked_for(project, means, ask):
    packages.add(project, ("alpha", "beta"), means, PROGRESS)
    packages.ready_environment(project, means, told := Told())
    assert told.steps == []
    ask('"alpha"', '"gamma"')
    packages.ready_environment(project, means, told)
    assert "env lock" in told.steps[0]


def test_building_what_was_never_locked_locks_all_of_it(project, means, ask):
    ask("packages = []", 'packages = ["alpha"]\n[environment.conda]\npackages = ["gdal"]')
    packages.ready_environment(project, means, PROGRESS)
    assert state_of(project, means) == ("locked", "")
    assert find_made(project, current_lock(project)) is not None
