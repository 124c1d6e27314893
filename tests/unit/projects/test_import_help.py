"""Importing work that does not say what it needs: an environment of its time is proposed, written down, and kept."""

import json
import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from trailmark.cli import program
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.uv import find_uv
from trailmark.git import Repository
from trailmark.progress import NullProgress
from trailmark.projects.environment import current_lock
from trailmark.projects.importing import Help, apply_import, plan_import
from trailmark.projects.moment import moment_of
from trailmark.testing.dated_index import DatedFiles, only_index, serve_index
from trailmark.testing.wheels import write_wheel

PROGRESS = NullProgress()
TODAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """The variables with which uv knows a few packages that came out over the years, and nothing else."""
    folder = tmp_path_factory.mktemp("dated")
    files = DatedFiles(folder)
    files.publish(write_wheel(folder, "numpy", "1.0", requires=["six"]), "2023-01-01")
    files.publish(write_wheel(folder, "numpy", "2.0"), "2024-01-01")
    files.publish(write_wheel(folder, "six", "1.0"), "2022-01-01")
    files.publish(write_wheel(folder, "six", "2.0"), "2024-01-01")
    files.publish(write_wheel(folder, "ipykernel", "7.0"), "2025-01-01")
    with serve_index(files) as address:
        yield only_index(address, folder / "uv", os.environ)


@pytest.fixture
def old(tmp_path):
    """A repository whose last commit was years ago."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "fit.py").write_text("import numpy\n")
    (folder / "plot.R").write_text("library(ggplot2)\n")
    commit(folder, "2023-07-01")
    return folder


def commit(folder: Path, day: str) -> None:
    dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    identity = ["-c", "user.name=Bob", "-c", "user.email=bob@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "theirs"]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, env={**os.environ, **dates})


@pytest.fixture
def plan(settings, surroundings):
    def plan(folder, **options):
        return plan_import(
            str(folder), settings, PROGRESS, here=folder, help_with=Help(find_uv(surroundings), **options)
        )

    return plan


def test_versions_of_the_last_commit_are_proposed_and_locked(plan, old, settings):
    found = plan(old)
    assert found.request.packages == ("numpy==1.0",)
    assert found.proposal.moment.day == date(2023, 7, 1)
    assert found.others["r"].snapshot == "2023-07-01"
    project = apply_import(found, settings, PROGRESS)
    manifest = project.manifest()
    assert manifest.packages == ("numpy==1.0",)
    assert manifest.others["r"].requirements == ("ggplot2",)
    lock = current_lock(project)
    assert {package.name: package.version for package in lock.packages} == {
        "ipykernel": "7.0",
        "numpy": "1.0",
        "six": "1.0",
    }


def test_what_a_person_changes_makes_the_lock_void(plan, old, settings):
    project = apply_import(plan(old), settings, PROGRESS, request=EnvironmentRequest(">=3.11", ("numpy",)))
    assert project.manifest().packages == ("numpy",)
    assert current_lock(project) is None


def test_another_day_can_be_asked_for_and_tried(plan, old):
    found = plan(old, at=date(2024, 7, 1), tries=True)
    assert found.request.packages == ("numpy==2.0",)
    assert found.proposal.is_tried
    works = {one.imported.language: one.works for one in found.proposal.outcomes}
    assert works["python"] is True
    assert works["r"] is not None


def test_recent_or_declared_work_is_left_as_it_says(plan, old, tmp_path):
    (old / "requirements.txt").write_text("numpy>1\n")
    assert plan(old).request.packages == ("numpy>1",)
    new = tmp_path / "new"
    new.mkdir()
    (new / "fit.py").write_text("import numpy\n")
    found = plan(new)
    assert (found.proposal, found.request.packages) == (None, ("numpy",))


def test_an_index_that_cannot_be_reached_is_a_remark(old, settings, tmp_path):
    with serve_index(DatedFiles(tmp_path)) as address:
        pass
    uv = find_uv(only_index(address, tmp_path / "uv", os.environ) | {"UV_HTTP_RETRIES": "0"})
    found = plan_import(str(old), settings, PROGRESS, here=old, help_with=Help(uv))
    assert found.request.packages == ("numpy",)
    assert "were not chosen" in "".join(found.notes)


def test_the_day_of_work(old, tmp_path, plan, settings):
    repository = Repository.open(old)
    assert moment_of(repository, old, (), at=None, today=TODAY).day == date(2023, 7, 1)
    assert moment_of(repository, old, (), at=date(2020, 1, 1), today=TODAY).day == date(2020, 1, 1)
    imported = apply_import(plan(old), settings, PROGRESS)
    assert moment_of(imported.repository, imported.path, (), at=None, today=TODAY).day == date(2023, 7, 1)
    empty = Repository.init(tmp_path / "empty")
    assert moment_of(empty, tmp_path / "empty", (), at=None, today=TODAY).day == TODAY
    os.utime(old / "fit.py", (0, 1_500_000_000))
    named = moment_of(empty, old, ["fit.py", "gone.py"], at=None, today=TODAY)
    assert (named.day, named.source) == (date(2017, 7, 14), "the newest file")


def test_the_command_line_proposes_tries_and_changes_nothing(plan, old, settings, surroundings, capfd):
    project = apply_import(plan(old), settings, PROGRESS)
    head = project.repository.head()
    said = called(capfd, surroundings, project.path, "env", "detect")
    assert "As of 2023-07-01 (the last commit)" in said
    assert "Take it over: trailmark env detect --use" in said
    tried = called(capfd, surroundings, project.path, "env", "detect", "--at", "2024-07-01", "--try")
    assert "numpy" in tried
    assert " work" in tried
    assert "not tried" not in tried
    assert "env detect --at 2024-07-01 --try --use" in tried
    assert project.repository.head() == head


def test_what_is_detected_is_taken_over_with_the_versions_of_its_time(
    plan, old, settings, surroundings, capfd
):
    project = apply_import(plan(old), settings, PROGRESS, request=EnvironmentRequest(">=3.11", ()))
    assert current_lock(project) is None
    before = project.repository.head()
    found = json.loads(called(capfd, surroundings, project.path, "env", "detect", "--use", "--json"))
    assert found["proposal"]["versions"]["numpy"] == "1.0"
    assert "+ numpy 1.0" in found["changes"]
    manifest = project.manifest()
    assert manifest.packages == ("numpy==1.0",)
    assert manifest.others["r"] == Wanted(("ggplot2",), snapshot="2023-07-01")
    taken = {package.name: package.version for package in current_lock(project).packages}
    assert taken == {"ipykernel": "7.0", "numpy": "1.0", "six": "1.0"}
    newest, *_ = project.repository.iter_commits(project.repository.head())
    assert "as of 2023-07-01" in newest.message
    assert newest.parents == (before,)


def test_what_was_asked_for_besides_stays_when_a_proposal_is_taken_over(
    plan, old, settings, surroundings, capfd
):
    chosen = EnvironmentRequest(">=3.11", ("six>=2", "numpy"))
    project = apply_import(plan(old), settings, PROGRESS, request=chosen)
    called(capfd, surroundings, project.path, "env", "detect", "--use", "--at", "2023-07-01")
    assert project.manifest().packages == ("six>=2", "numpy==1.0")
    taken = {package.name: package.version for package in current_lock(project).packages}
    assert taken == {"ipykernel": "7.0", "numpy": "1.0", "six": "2.0"}


def test_nothing_is_taken_over_where_the_code_imports_nothing(settings, surroundings, tmp_path, plan, capfd):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "fit.py").write_text("import math\n")
    project = apply_import(plan(folder), settings, PROGRESS)
    head = project.repository.head()
    assert program.run(("env", "detect", "--use"), {**os.environ, **surroundings}, project.path) == 1
    assert "imports nothing" in capfd.readouterr().err
    assert project.repository.head() == head


def test_import_on_the_command_line_tells_what_it_chose(old, home, settings, surroundings, capfd):
    said = called(capfd, surroundings, old, "import", str(old), "--name", "again", "--yes", "--json")
    assert '"numpy==1.0"' in said
    assert '"at": "2023-07-01"' in said


def called(capfd, surroundings, folder: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    environ = kept | {name: value for name, value in surroundings.items() if name.startswith("UV_")}
    code = program.run(arguments, environ, folder)
    said = capfd.readouterr()
    assert code == 0, said.err
    return said.out
