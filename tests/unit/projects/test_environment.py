"""A project's whole environment: base, packages of several managers, snippets, its proof; each change a record."""

import fcntl
import importlib.util
import json
import os
import py_compile
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from trailmark.activity import load
from trailmark.activity.index import Index
from trailmark.activity.query import Filter
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.installed import site_packages
from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import SolveFailed
from trailmark.environments.uv import Uv, find_uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import AlreadyExists, Damaged, InvalidInput, NotFound, Unavailable
from trailmark.progress import NullProgress
from trailmark.projects import base as project_base
from trailmark.projects import packages, snippets
from trailmark.projects.built import environment_facts, find_built
from trailmark.projects.environment import current_lock, find_made, whole_request
from trailmark.projects.new import new_project
from trailmark.projects.packages import ask_otherwise
from trailmark.projects.proofs import find_proofs
from trailmark.projects.prove import verify_environment
from trailmark.projects.standing import ask_for_latest, standing_facts, standing_of
from trailmark.projects.take_in import read_description, take_in
from trailmark.testing.wheels import offline, write_index, write_wheel

INDEX = {
    "gdal": {"3.8": ["proj>=9"], "3.9": ["proj>=9"]},
    "proj": {"9.0": [], "9.1": []},
    "geos": {"3.12": []},
}
PROGRESS = NullProgress()
COURSE = """
id = "course"
revision = {}
title = "Course"
[image]
reference = "debian:12"
digest = "sha256:{}"
[managers.pip]
packages = ["alpha"]
[managers.conda]
packages = ["geos"]
"""


@pytest.fixture
def wheels(tmp_path):
    return write_index(tmp_path / "wheels")


@pytest.fixture
def means(wheels, tmp_path):
    uv = find_uv(offline(wheels, tmp_path / "cache", os.environ))
    return Means(uv, {"conda": Memory(INDEX, "conda"), "apt": Memory(INDEX, "apt")})


@pytest.fixture
def course(settings):
    """Write the base “course” in a revision into the person's own catalogue, and return it."""

    def course(revision):
        folder = settings.home / "bases"
        folder.mkdir(exist_ok=True)
        (folder / f"course-{revision}.toml").write_text(COURSE.format(revision, str(revision) * 64))
        return load_catalogue(settings.home).get("course")

    return course


def names(lock):
    return {one.name for one in lock.packages}


def newest_record(project):
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        row = index.page(Filter(kind="environment"), limit=1)[0]
    return load(project.repository, row.id).record


def state_of(project, means):
    return standing_of(project, means.managers).state


def test_packages_of_several_managers_come_and_go(project, means, files):
    assert state_of(project, means) == "unlocked"
    packages.add(project, ("alpha<2",), means, PROGRESS)
    alone = current_lock(project)
    packages.add(project, ("gdal>=3.8",), means, PROGRESS, manager="conda")
    both = current_lock(project)
    assert both.pip == alone.pip
    assert both.digest != alone.digest
    assert set(files()) >= {"environment/pylock.toml", "environment/conda-lock.yml"}
    assert '[environment.conda]\npackages = ["gdal>=3.8"]' in project.manifest_text()
    record = newest_record(project)
    assert record.environment == both.digest
    assert record.detail["changes"] == ["+ gdal 3.9 (conda)", "+ proj 9.1 (conda)"]
    packages.remove(project, ("gdal",), means, PROGRESS, manager="conda")
    assert current_lock(project).digest == alone.digest
    assert "environment/conda-lock.yml" not in files()
    assert "conda" not in project.manifest_text()
    assert "environment/conda-lock.yml" in newest_record(project).deletes


def test_what_cannot_be_had_changes_nothing(project, means, files):
    packages.add(project, ("alpha",), means, PROGRESS)
    before = files()
    with pytest.raises(SolveFailed, match="proj"):
        packages.add(project, ("gdal", "proj<9"), means, PROGRESS, manager="conda")
    with pytest.raises(NotFound, match="conda"):
        packages.remove(project, ("gdal",), means, PROGRESS, manager="conda")
    with pytest.raises(InvalidInput, match="npm"):
        packages.add(project, ("left-pad",), means, PROGRESS, manager="npm")
    assert files() == before


def test_a_base_brings_packages_and_ones_own_stay(project, means, course, files):
    packages.add(project, ("beta",), means, PROGRESS)
    project_base.change_base(project, course(1), means, PROGRESS)
    lock = current_lock(project)
    assert {"alpha", "beta"} <= names(lock)
    assert 'base = "course"' in project.manifest_text()
    assert project.manifest().packages == ("beta",)
    assert set(files()) >= {"environment/base.toml", "environment/conda-lock.yml"}
    assert "+ base course revision 1" in newest_record(project).detail["changes"]
    project_base.change_base(project, None, means, PROGRESS)
    assert "alpha" not in names(current_lock(project))
    assert not {"environment/base.toml", "environment/conda-lock.yml"} & set(files())
    assert project.manifest().base is None


def test_a_newer_revision_is_offered_and_never_forced(settings, means, course):
    project = new_project("field", settings, base=course(1))
    packages.lock_environment(project, means, PROGRESS)
    before = current_lock(project).digest
    newer = course(2)
    standing = standing_of(project, means.managers)
    assert (standing.request.base.revision, standing.newer.revision, standing.state) == (1, 2, "locked")
    packages.update(project, means, PROGRESS)
    assert current_lock(project).base.revision == 1
    assert standing_facts(standing)["base_detail"]["newer"] == 2
    project_base.change_base(project, newer, means, PROGRESS)
    assert current_lock(project).base.revision == 2
    assert current_lock(project).digest != before
    assert standing_of(project, means.managers).newer is None


def test_a_project_goes_on_where_no_catalogue_has_its_base(settings, means, course):
    project = new_project("field", settings, base=course(1))
    shutil.rmtree(settings.home / "bases")
    packages.lock_environment(project, means, PROGRESS)
    assert current_lock(project).base.id == "course"
    assert standing_of(project, means.managers).newer is None


def test_an_environment_is_saved_as_a_base(project, settings, means, course):
    project_base.change_base(project, course(1), means, PROGRESS)
    packages.add(project, ("gamma", "alpha<2"), means, PROGRESS)
    snippets.set_snippet(project, "10-x", "RUN true", means, PROGRESS)
    catalogue = load_catalogue(settings.home)
    saved = project_base.save_base(project, "my-course", catalogue, means.managers, title="My course")
    assert saved.manager("conda").packages == ("geos==3.12",)
    again = new_project("next", settings, base=load_catalogue(settings.home).get("my-course"))
    packages.lock_environment(again, means, PROGRESS)
    assert {one.name: one.version for one in current_lock(again).packages} == {
        one.name: one.version for one in current_lock(project).packages
    }
    assert current_lock(again).all_snippets == current_lock(project).snippets
    assert current_lock(again).parts()["snippets"] == current_lock(project).parts()["snippets"]
    with pytest.raises(AlreadyExists):
        project_base.save_base(project, "r-minimal", catalogue, means.managers)


def test_snippets_of_a_base_come_and_go_with_it(project, settings, means, course):
    project_base.change_base(project, course(1), means, PROGRESS)
    snippets.set_snippet(project, "10-x", "RUN true", means, PROGRESS)
    snippets.set_snippet(project, "20-y", "RUN true", means, PROGRESS)
    project_base.save_base(project, "my-course", load_catalogue(settings.home), means.managers)
    saved = load_catalogue(settings.home).get("my-course")
    assert [(one.name, one.text) for one in saved.snippets] == [
        ("10-x", "RUN true\n"),
        ("20-y", "RUN true\n"),
    ]
    other = new_project("next", settings, base=saved)
    packages.lock_environment(other, means, PROGRESS)
    before = current_lock(other).digest
    snippets.set_snippet(other, "10-x", "RUN false", means, PROGRESS)
    lock = current_lock(other)
    assert [(one.name, one.text) for one in lock.all_snippets] == [
        ("10-x", "RUN false\n"),
        ("20-y", "RUN true\n"),
    ]
    assert lock.digest != before
    assert standing_of(other, means.managers).state == "locked"
    with pytest.raises(NotFound, match="comes with the base"):
        snippets.remove_snippet(other, "20-y", means, PROGRESS)
    snippets.remove_snippet(other, "10-x", means, PROGRESS)
    assert current_lock(other).digest == before
    project_base.change_base(other, course(1), means, PROGRESS)
    assert "- snippet 20-y" in newest_record(other).detail["changes"]
    assert current_lock(other).all_snippets == ()


def test_where_packages_come_from_is_saved_with_a_base(project, settings, means, write):
    write(
        "trailmark.toml",
        '[environment.r]\nchannels = ["https://example.org/{snapshot}"]\npackages = ["ggplot2"]\n'
        '[environment.apt]\nchannels = ["deb https://example.org/debian bookworm main"]\npackages = ["gdal"]\n'
        '[environment.conda]\npackages = ["conda-forge::gdal >=3.8"]\n',
    )
    saved = project_base.save_base(project, "mine", load_catalogue(settings.home), means.managers)
    assert load_catalogue(settings.home).get("mine") == saved
    assert saved.manager("conda").packages == ("conda-forge::gdal >=3.8",)
    assert saved.manager("r").channels == ("https://example.org/{snapshot}",)
    assert saved.manager("apt").channels == ("deb https://example.org/debian bookworm main",)


def test_snippets_are_part_of_the_lock_and_build_nothing_here(project, means):
    packages.add(project, ("alpha",), means, PROGRESS)
    before, made = current_lock(project), find_made(project, current_lock(project))
    snippets.set_snippet(project, "20-b", "RUN true", means, PROGRESS)
    snippets.set_snippet(project, "10-a", "ENV A=1", means, PROGRESS)
    lock = current_lock(project)
    assert [one.name for one in lock.snippets] == ["10-a", "20-b"]
    assert lock.digest != before.digest
    assert find_made(project, lock).path == made.path
    assert "+ snippet 10-a" in newest_record(project).detail["changes"]
    snippets.set_snippet(project, "10-a", "ENV A=2", means, PROGRESS)
    assert newest_record(project).title == "Changed the snippet 10-a"
    with pytest.raises(InvalidInput, match="COPY"):
        snippets.set_snippet(project, "10-a", "COPY a b", means, PROGRESS)
    snippets.remove_snippet(project, "10-a", means, PROGRESS)
    snippets.remove_snippet(project, "20-b", means, PROGRESS)
    assert current_lock(project).digest == before.digest
    with pytest.raises(NotFound):
        snippets.remove_snippet(project, "20-b", means, PROGRESS)


def test_what_was_asked_for_by_hand_is_stale_until_it_is_locked(project, means, write):
    packages.add(project, ("alpha",), means, PROGRESS)
    write("trailmark.toml", project.manifest_text() + '\n[environment.conda]\npackages = ["gdal"]\n')
    standing = standing_of(project, means.managers)
    assert (standing.state, "gdal" in standing.why[0]) == ("stale", True)
    packages.lock_environment(project, means, PROGRESS)
    assert state_of(project, means) == "locked"


def test_a_launch_locks_what_this_machine_can(settings, means, course):
    project = new_project("field", settings, base=course(1), packages=("beta",))
    made = packages.ready_environment(project, Means(means.uv, {}), PROGRESS)
    lock = current_lock(project)
    assert made.digest == lock.digest
    assert made.path.name == lock.pip.digest
    assert lock.others == {}
    standing = standing_of(project, means.managers)
    assert (standing.state, "geos" in standing.why[0]) == ("stale", True)
    assert any("conda" in text for text in standing.left)


def test_what_this_machine_cannot_ask_for_stands_in_nobodys_way(settings, means, course):
    project = new_project("field", settings, base=course(1))
    fewer = replace(means, managers={"apt": means.managers["apt"]})
    packages.add(project, ("gamma",), fewer, PROGRESS)
    assert {"alpha", "gamma"} <= names(current_lock(project))
    assert state_of(project, means) == "stale"
    project_base.change_base(project, course(2), fewer, PROGRESS)
    assert current_lock(project).base.revision == 2
    with pytest.raises(Unavailable):
        packages.lock_environment(project, fewer, PROGRESS)
    packages.lock_environment(project, means, PROGRESS)
    assert state_of(project, means) == "locked"


def test_files_that_make_no_sense_are_named(project, means, write):
    packages.add(project, ("alpha",), means, PROGRESS)
    for path, text, error in (
        ("environment/base.toml", "id = 5", Damaged),
        ("environment/snippets/10-a.dockerfile", "FROM x", InvalidInput),
        ("environment/snippets/nonsense.dockerfile", "RUN x", InvalidInput),
    ):
        write(path, text)
        with pytest.raises(error):
            current_lock(project)
        (project.path / path).unlink()
    write("trailmark.toml", '[environment]\nbase = "nobody-has-it"\n')
    with pytest.raises(NotFound, match="nobody-has-it"):
        whole_request(project)


def no_engine(kind):
    raise Unavailable(f"there is no {kind} here")


class Engine:
    """An engine that has the images of these digests."""

    def __init__(self, *digests):
        self.images = SimpleNamespace(find=self.find)
        self.digests = digests

    def find(self, digest):
        return SimpleNamespace(reference=f"trailmark/{digest[:8]}") if digest in self.digests else None


def test_whether_an_environment_is_built_is_asked_where_it_runs_whole(project, means, course):
    def built(engine_named):
        return find_built(standing_of(project, means.managers), engine_named)

    assert (built(no_engine).ok, built(no_engine).engine) == (False, "local")
    packages.add(project, ("alpha",), means, PROGRESS)
    assert (built(no_engine).ok, built(no_engine).engine) == (True, "local")
    packages.add(project, ("gdal",), means, PROGRESS, manager="apt")
    assert (built(no_engine).ok, "base" in built(no_engine).reason) == (False, True)
    project_base.change_base(project, course(1), means, PROGRESS)
    assert built(no_engine).ok is None
    assert "there is no docker here" in built(no_engine).reason
    empty, digest = Engine(), current_lock(project).digest
    assert (built(lambda kind: empty).ok, "docker" in built(lambda kind: empty).reason) == (False, True)

    def only_podman(kind):
        return Engine(digest) if kind == "podman" else no_engine(kind)

    found = built(only_podman)
    assert (found.ok, found.engine, found.place) == (True, "podman", f"trailmark/{digest[:8]}")


def test_facts_for_programs(project, means):
    packages.add(project, ("alpha<2",), means, PROGRESS)
    ask_for_latest(project, standing_of(project, means.managers).packages, means, all_managers=True)
    facts = environment_facts(standing_of(project, means.managers), no_engine)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["packages"][0] == {
        "manager": "pip", "name": "alpha", "requested": "<2", "version": "1.0", "latest": "2.0",
        "state": "installed", "origin": "project",
    }  # fmt: skip
    assert {"base", "digest", "packages", "state", "built"} <= facts.keys()
    assert (facts["base"], facts["state"], facts["built"]) == (None, "locked", True)


@pytest.mark.parametrize(
    ("name", "text", "pip", "others"),
    [
        ("requirements.txt", "beta>=1\n-r more.in\n", ("beta>=1",), {}),
        ("needs.txt", "beta\ngamma==1.0\n", ("beta", "gamma==1.0"), {}),
        ("pyproject.toml", "[project]\ndependencies = ['beta']\n", ("beta",), {}),
        ("apt.txt", "proj\n", (), {"apt": ("proj",)}),
    ],
)
def test_files_of_other_tools_are_taken_in(project, means, tmp_path, name, text, pip, others):
    (tmp_path / name).write_text(text)
    detected = read_description(tmp_path / name)
    taken = take_in(whole_request(project), detected, means.managers, conda=False, python=True)
    ask_otherwise(
        project, "Took in", lambda _: taken.request, means, PROGRESS, touched=taken.touched, hold=taken.hold
    )
    manifest = project.manifest()
    assert manifest.packages == pip
    assert {key: wanted.requirements for key, wanted in manifest.others.items()} == others
    assert state_of(project, means) == "locked"


def test_an_environment_yml_is_taken_in_by_pip_or_by_conda(project, means, tmp_path):
    path = tmp_path / "environment.yml"
    path.write_text("channels: [conda-forge]\ndependencies: [gdal>=3.8]\n")
    detected = read_description(path)
    request = whole_request(project)
    taken = take_in(request, detected, means.managers, conda=True, python=False)
    assert taken.request.others["conda"].requirements == ("gdal>=3.8",)
    assert taken.request.pip == request.pip
    assert (taken.sources, taken.notes) == (("environment.yml",), ())
    path.write_text("dependencies: [gdal, pip, pip: [alpha<2, '-r x.txt']]\n")
    taken = take_in(request, read_description(path), means.managers, conda=True, python=False)
    assert taken.request.others["conda"].requirements == ("gdal",)
    assert taken.request.pip.packages == ("alpha<2",)
    assert [note for note in taken.notes if "-r x.txt" in note] == list(taken.notes)
    path.write_text("dependencies: [python=3.11, numpy]\n")
    detected = read_description(path)
    by_pip = [take_in(request, detected, means.managers, conda=False, python=each) for each in (True, False)]
    assert [one.request.pip.python for one in by_pip] == ["==3.11.*", ">=3.11"]
    assert by_pip[0].request.pip.packages == ("numpy",)


def test_what_asks_for_nothing_is_refused(project, means, tmp_path):
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    with pytest.raises(InvalidInput, match="Nothing was found"):
        take_in(
            whole_request(project),
            read_description(tmp_path / "requirements.txt"),
            means.managers,
            conda=False,
            python=True,
        )
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_description(tmp_path / "gone.txt")


# What `verify` finds


def causes(verification):
    return {one.what: one.cause for one in verification.differences}


@pytest.fixture
def locked(project, means, course):
    project_base.change_base(project, course(1), means, PROGRESS)
    snippets.set_snippet(project, "10-a", "RUN true", means, PROGRESS)
    return project


def test_a_rebuild_is_equal_and_remembered(locked, means):
    found = verify_environment(locked, means, PROGRESS, clock=lambda: 5.0)
    assert found.differences == ()
    assert found.proof.compared["packages"] == 3
    assert any("operating system" in text for text in found.proof.supplied)
    assert any("debian:12" in text for text in found.proof.supplied)
    standing = standing_of(locked, means.managers)
    assert (standing.state, standing.proof.when) == ("proved", 5.0)
    packages.add(locked, ("gamma",), means, PROGRESS)
    assert state_of(locked, means) == "locked"


def test_a_rebuild_on_another_home_is_equal(locked, means, tmp_path, settings):
    other = replace(settings, home=tmp_path / "elsewhere")
    elsewhere = replace(locked, settings=other, state=other.home / "state")
    assert find_made(elsewhere, current_lock(elsewhere)) is None
    assert verify_environment(elsewhere, means, PROGRESS).ok


def test_another_wheel_hash_in_the_lock_is_found(locked, means, write):
    text = current_lock(locked).pip.text
    digest = next(part for part in text.split('"') if len(part) == 64)
    write("environment/pylock.toml", text.replace(digest, "0" * 64))
    found = verify_environment(locked, means, PROGRESS)
    assert causes(found)["pylock.toml"] == "changed since it was recorded"
    wheel = next(one for one in found.differences if "index" in one.cause)
    assert wheel.what in {"alpha", "beta", "ipykernel"}
    assert (wheel.recorded, wheel.rebuilt) == (f"sha256:{'0' * 64}", f"sha256:{digest}")
    assert (found.ok, state_of(locked, means)) == (False, "locked")


def test_a_wheel_that_is_another_now_is_found(locked, means, wheels, tmp_path):
    write_wheel(wheels, "alpha", "2.0", requires=["beta>=1"], files={"alpha/more.py": "x = 1\n"})
    fresh = Means(find_uv(offline(wheels, tmp_path / "cache-2", os.environ)), means.managers)
    found = verify_environment(locked, fresh, PROGRESS)
    assert "index" in causes(found)["alpha"]


def test_altered_files_on_this_machine_are_found(locked, means):
    folder = site_packages(find_made(locked, current_lock(locked)).path)
    (folder / "alpha" / "__init__.py").write_text("__version__ = 'mine'\n")
    (folder / "beta" / "__init__.py").unlink()
    (folder / "stray.py").write_text("")
    found = causes(verify_environment(locked, means, PROGRESS))
    assert found["alpha: alpha/__init__.py"] == "a file on this machine was altered"
    assert found["beta: beta/__init__.py"] == "a file on this machine was altered"
    assert found["stray.py"] == "a file on this machine belongs to no package"
    assert len(found) == 3


@pytest.fixture
def placed(project, means, wheels):
    """Lock a package with files outside of site-packages and a program that the installer writes."""
    files = {
        "datapkg-1.0.data/data/share/datapkg/table.csv": "a,1\n",
        "datapkg-1.0.data/scripts/datatool": "#!python\nprint('good')\n",
        "datapkg-1.0.dist-info/entry_points.txt": "[console_scripts]\ndatashow = datapkg:show\n",
    }
    write_wheel(wheels, "datapkg", "1.0", files=files)
    packages.add(project, ("datapkg",), means, PROGRESS)
    return find_made(project, current_lock(project)).path


def test_altered_files_outside_of_site_packages_are_found(project, placed, means):
    assert causes(verify_environment(project, means, PROGRESS)) == {}
    (placed / "bin" / "datatool").write_text("#!/bin/sh\necho evil\n")
    (placed / "bin" / "datashow").write_text((placed / "bin" / "datashow").read_text() + "print('evil')\n")
    (placed / "share" / "datapkg" / "table.csv").write_text("a,2\n")
    (placed / "bin" / "ls").write_text("#!/bin/sh\n")
    (placed / "bin" / "activate").chmod(0o4755)
    altered, strange = "a file on this machine was altered", "a file on this machine belongs to no package"
    assert causes(verify_environment(project, means, PROGRESS)) == {
        "bin/datatool": altered,
        "bin/datashow": altered,
        "share/datapkg/table.csv": altered,
        "bin/activate": altered,
        "bin/ls": strange,
    }


def test_another_uv_than_the_one_that_made_it_is_no_difference(project, placed, means):
    made = (placed / "pyvenv.cfg").read_text()
    (placed / "pyvenv.cfg").write_text(re.sub(r"uv = .*", "uv = 0.9.0", made))
    assert "uv = 0.9.0" in (placed / "pyvenv.cfg").read_text()
    assert verify_environment(project, means, PROGRESS).ok
    (placed / "pyvenv.cfg").write_text(re.sub(r"home = .*", "home = /evil", made))
    assert "pyvenv.cfg" in causes(verify_environment(project, means, PROGRESS))


def test_another_interpreter_in_an_environment_is_found(project, placed, means, tmp_path):
    python = placed / "bin" / "python"
    real = python.resolve()
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    python.chmod(0o755)
    assert "bin/python" in causes(verify_environment(project, means, PROGRESS))


def test_bytecode_that_was_planted_is_found_or_of_no_effect(project, placed, means, tmp_path):
    evil = tmp_path / "evil.py"
    evil.write_text("print('EVIL')\n")
    source = site_packages(placed) / "datapkg" / "__init__.py"
    os.utime(evil, (source.stat().st_atime, source.stat().st_mtime))
    cache = Path(importlib.util.cache_from_source(str(source)))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(cache), doraise=True, invalidation_mode=unchecked)
    found = causes(verify_environment(project, means, PROGRESS))
    assert found == {str(cache.relative_to(placed)): "bytecode that Python uses whatever its source says"}
    py_compile.compile(str(evil), str(cache), doraise=True)
    (site_packages(placed) / "sourceless.pyc").write_bytes(cache.read_bytes())
    found = causes(verify_environment(project, means, PROGRESS))
    assert found == {"sourceless.pyc": "a file on this machine belongs to no package"}
    said = subprocess.run([placed / "bin" / "python", "-c", "import datapkg"], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_a_package_installed_by_hand_is_found(locked, means, wheels):
    made = find_made(locked, current_lock(locked))
    means.uv.run(["pip", "install", "--no-deps", "--python", str(made.python), "gamma"]).require(
        "not installed"
    )
    assert causes(verify_environment(locked, means, PROGRESS)) == {
        "gamma": "the environment on this machine was changed by hand"
    }


def test_another_snippet_base_and_lock_of_a_manager_are_found(locked, means, write, files):
    write("environment/snippets/10-a.dockerfile", "RUN false\n")
    write("environment/snippets/20-b.dockerfile", "RUN true\n")
    base = files()["environment/base.toml"].decode()
    write("environment/base.toml", base.replace("sha256:1", "sha256:2"))
    lock = files()["environment/conda-lock.yml"].decode()
    write("environment/conda-lock.yml", lock.replace("3.12", "3.11"))
    assert causes(verify_environment(locked, means, PROGRESS)) == dict.fromkeys(
        ("snippet 10-a", "snippet 20-b", "base", "conda-lock.yml"), "changed since it was recorded"
    )


def test_another_interpreter_is_found(locked, means, monkeypatch):
    record = newest_record(locked)
    other = replace(record, detail={**record.detail, "interpreter": "3.11.0rc1"})
    monkeypatch.setattr("trailmark.projects.prove.recorded_facts", lambda *_: other.detail)
    found = verify_environment(locked, means, PROGRESS)
    assert [(one.what, one.cause, one.recorded) for one in found.differences] == [
        ("Python", "another interpreter", "3.11.0rc1")
    ]


def test_other_files_than_were_recorded_are_found(locked, means, monkeypatch):
    facts = newest_record(locked).detail
    other = {**facts, "files": {**facts["files"], "beta": "0" * 64}}
    monkeypatch.setattr("trailmark.projects.prove.recorded_facts", lambda *_: other)
    found = verify_environment(locked, means, PROGRESS)
    assert causes(found) == {"beta": "other files than were recorded"}


def test_what_is_asked_for_otherwise_is_said(locked, means, write):
    write("trailmark.toml", locked.manifest_text().replace("packages = []", 'packages = ["gamma"]'))
    found = verify_environment(locked, means, PROGRESS)
    assert "gamma" in causes(found)["trailmark.toml"]


def test_what_is_not_locked_cannot_be_proved(project, means):
    with pytest.raises(InvalidInput, match="not locked"):
        verify_environment(project, means, PROGRESS)


def test_a_rebuild_uses_no_cache_and_leaves_nothing(locked, means, settings, monkeypatch):
    follow, caches = Uv.follow, []

    def watched(uv, *arguments, **options):
        caches.append(uv.environ.get("UV_NO_CACHE"))
        return follow(uv, *arguments, **options)

    monkeypatch.setattr(Uv, "follow", watched)
    before = sorted(path.name for path in (settings.home / "environments").iterdir())
    assert verify_environment(locked, means, PROGRESS).ok
    assert caches == ["1", "1"]
    assert sorted(path.name for path in (settings.home / "environments").iterdir()) == before


def test_what_a_killed_rebuild_left_is_removed(locked, means, settings):
    left = settings.home / "environments" / ".verify-killed"
    left.mkdir()
    (left / "life").write_bytes(b"")
    os.utime(left, (0, 0))
    living = settings.home / "environments" / ".verify-living"
    living.mkdir()
    with (living / "life").open("wb") as life:
        fcntl.flock(life, fcntl.LOCK_EX)
        os.utime(living, (0, 0))
        verify_environment(locked, means, PROGRESS)
    assert (left.exists(), living.exists()) == (False, True)


def test_a_file_of_proofs_that_is_broken_proves_nothing(locked, means):
    verify_environment(locked, means, PROGRESS)
    assert find_proofs(locked, current_lock(locked).digest)
    (locked.state / "proofs.json").write_text('[{"digest": 1}]')
    assert find_proofs(locked, current_lock(locked).digest) == ()
