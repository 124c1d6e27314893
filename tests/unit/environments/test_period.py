"""An environment of another time: Python and versions by the day, tried, with reasons for what fails."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from trailmark.environments.detect import detect_imports
from trailmark.environments.detect.imports import Import
from trailmark.environments.interpreter import Interpreter, own_interpreter
from trailmark.environments.model import parse_lock
from trailmark.environments.period import Moment, Proposal, parse_day, propose, try_out
from trailmark.environments.period.propose import Machine, is_recent, wants_of, with_lock
from trailmark.environments.period.pythons import days_to_look, order_pythons, python_of
from trailmark.environments.period.r import notes_about_r, try_r, wanted_of_r
from trailmark.environments.period.reasons import of_failure, of_import, of_resolver
from trailmark.environments.uv import Uv, find_uv
from trailmark.errors import Cancelled, InvalidInput, Unavailable
from trailmark.progress import NullProgress
from trailmark.testing.dated_index import DatedFiles, only_index, serve_index
from trailmark.testing.wheels import offline, write_wheel

PROGRESS = NullProgress()
TODAY = date(2024, 6, 1)
THEN = Moment(date(2023, 7, 1), "the last commit")


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Uv]:
    """An index in which packages came out over the years."""
    folder = tmp_path_factory.mktemp("dated")
    files = DatedFiles(folder)

    def publish(name: str, version: str, day: str, **options: object) -> None:
        files.publish(write_wheel(folder, name, version, **options), day)  # type: ignore[arg-type]

    publish("numpy", "1.0", "2023-05-01")
    publish("numpy", "2.0", "2024-03-01")
    publish(
        "scikit-learn", "0.19", "2022-12-01", files={"sklearn/__init__.py": "", "sklearn/grid_search.py": ""}
    )
    publish("scikit-learn", "0.21", "2023-06-01", files={"sklearn/__init__.py": ""})
    publish(
        "pandas",
        "1.0",
        "2023-06-01",
        requires=["numpy"],
        files={"pandas/__init__.py": "import numpy\nimport six"},
    )
    publish("six", "1.0", "2023-01-01")
    publish("seaborn", "0.5", "2023-06-15", files={"seaborn/__init__.py": "from collections import Mapping"})
    publish("seaborn", "0.6", "2023-06-20", files={"seaborn/__init__.py": "from collections import Mapping"})
    publish("seaborn", "0.9", "2024-02-01")
    publish("emcee", "3.0", "2024-01-10")
    publish("corner", "1.0", "2023-03-01", requires=["nowhere-to-be-found"])
    publish("ipykernel", "7.0", "2025-01-01")
    with serve_index(files) as address:
        yield find_uv(only_index(address, folder / "uv", os.environ))


@pytest.fixture(scope="module")
def machine(dated: Uv) -> Machine:
    return Machine(dated, (own_interpreter(),), TODAY)


def proposed(code: str, machine: Machine, moment: Moment = THEN) -> Proposal:
    return propose(detect_imports({"a.py": code}), moment, machine, PROGRESS)


def states(proposal: Proposal) -> dict[str, tuple[str, str | None]]:
    return {one.name: (one.state, one.version) for one in proposal.packages}


def reason(proposal: Proposal, module: str) -> str:
    return next(one.reason for one in proposal.outcomes if one.imported.module == module)


class TestPythons:
    def test_a_day_has_a_python(self) -> None:
        assert python_of(date(2012, 1, 1)) == (3, 4)
        assert python_of(date(2018, 7, 1)) == (3, 6)
        assert python_of(date(2019, 6, 1)) == (3, 7)
        assert python_of(date(2019, 6, 1), [(3, 5), (2, 7)]) == (3, 5)

    def test_the_closest_comes_first_and_of_two_the_newer(self) -> None:
        there = [(3, 13), (3, 11), (3, 8), (2, 7), (3, 5)]
        assert order_pythons((3, 4), there) == [(3, 8), (3, 11), (3, 13)]
        assert order_pythons((3, 12), there)[:2] == [(3, 13), (3, 11)]

    def test_days_to_look_at_begin_with_the_moment_and_end_today(self) -> None:
        days = days_to_look(date(2014, 1, 1), (3, 8), date(2020, 6, 1))
        assert days[0] == date(2014, 1, 1)
        assert days[1] > date(2019, 10, 14)
        assert days[-1] == date(2020, 6, 1)
        assert days == sorted(days)
        assert days_to_look(date(2030, 1, 1), (3, 8), date(2020, 6, 1)) == [date(2020, 6, 1)]


class TestProposal:
    def test_versions_existed_on_the_day(self, machine: Machine) -> None:
        found = proposed("import numpy, pandas", machine)
        assert states(found) == {"numpy": ("dated", "1.0"), "pandas": ("dated", "1.0")}
        assert found.request.packages == ("numpy==1.0", "pandas==1.0")
        assert found.request.python == f"=={own_interpreter().minor}.*"

    def test_a_package_that_came_later_is_the_oldest_there_is_and_said_so(self, machine: Machine) -> None:
        found = proposed("import numpy, emcee", machine)
        assert states(found)["emcee"] == ("later", "3.0")
        assert states(found)["numpy"] == ("dated", "1.0")
        assert "emcee 3.0" in "".join(found.remarks)

    def test_an_import_that_a_package_lost_sets_a_limit(self, machine: Machine) -> None:
        code = "from sklearn.grid_search import GridSearchCV\nimport pandas.io.data"
        wants = {want.name: want.limited for want in wants_of(detect_imports({"a.py": code}))}
        assert wants == {"scikit-learn": "scikit-learn<0.20", "pandas": "pandas<0.19"}
        found = proposed(code, machine)
        assert states(found)["scikit-learn"] == ("dated", "0.19")
        assert states(found)["pandas"] == ("dated", "1.0")
        assert "only in versions <0.19" in reason(found, "pandas.io.data")
        guarded = (
            "try:\n    import sklearn.grid_search\nexcept ImportError:\n    import sklearn.model_selection"
        )
        assert states(proposed(guarded, machine))["scikit-learn"] == ("dated", "0.21")

    def test_what_the_index_has_not_is_left_out_with_its_reason(self, machine: Machine) -> None:
        found = proposed("import numpy, astropy, corner, our_own_thing, urllib2", machine)
        assert states(found)["astropy"] == ("absent", None)
        assert states(found)["corner"][0] == "source"
        assert found.request.packages == ("numpy==1.0",)
        assert "no package of this name" in reason(found, "astropy")
        assert "no well-known package" in reason(found, "our_own_thing")
        assert "Python 2" in reason(found, "urllib2")
        assert (found.counts.found, found.counts.mapped, found.counts.resolved) == (5, 3, 1)

    def test_an_index_without_days_gives_the_newest_and_says_so(self, tmp_path: Path) -> None:
        write_wheel(tmp_path / "wheels", "numpy", "1.0")
        write_wheel(tmp_path / "wheels", "numpy", "2.0")
        uv = find_uv(offline(tmp_path / "wheels", tmp_path / "cache", os.environ))
        found = proposed("import numpy", Machine(uv, (own_interpreter(),), TODAY))
        assert states(found) == {"numpy": ("undated", "2.0")}
        assert "does not say when" in "".join(found.notes)

    def test_files_without_a_day_give_the_newest_too(self, tmp_path: Path) -> None:
        files = DatedFiles(tmp_path)
        files.publish(write_wheel(tmp_path, "numpy", "1.5"), None)
        with serve_index(files) as address:
            uv = find_uv(only_index(address, tmp_path / "uv", os.environ))
            found = proposed("import numpy", Machine(uv, (own_interpreter(),), TODAY))
        assert states(found) == {"numpy": ("undated", "1.5")}

    def test_an_index_that_cannot_be_reached_is_said(self, tmp_path: Path) -> None:
        with serve_index(DatedFiles(tmp_path)) as address:
            pass
        environ = only_index(address, tmp_path / "uv", os.environ) | {"UV_HTTP_RETRIES": "0"}
        with pytest.raises(Unavailable, match="cannot be asked"):
            proposed("import numpy", Machine(find_uv(environ), (own_interpreter(),), TODAY))

    def test_a_machine_without_a_usable_python_is_said(self, dated: Uv) -> None:
        old = (Interpreter(Path("/nowhere/python3.4"), "3.4.1"),)
        with pytest.raises(Unavailable, match="no Python"):
            proposed("import numpy", Machine(dated, old, TODAY))

    def test_the_lock_holds_the_versions_but_not_those_of_the_kernel(self, machine: Machine) -> None:
        lock = with_lock(proposed("import numpy, pandas", machine), machine, PROGRESS).lock
        assert lock is not None
        assert parse_lock(lock.text).digest
        named = {package.name: package.version for package in lock.packages}
        assert named == {"ipykernel": "7.0", "numpy": "1.0", "pandas": "1.0"}

    def test_recent_work_wants_what_is_new(self) -> None:
        assert is_recent(Moment(date(2024, 3, 1), "x"), TODAY)
        assert not is_recent(THEN, TODAY)

    def test_python2_is_said(self, machine: Machine) -> None:
        notes = "".join(proposed("print 'x'\nimport numpy", machine).remarks)
        assert "a.py: written for Python 2" in notes


class TestTrial:
    def test_each_import_runs_and_what_is_lacking_is_added(self, machine: Machine) -> None:
        found = try_out(
            proposed("import numpy, pandas\nfrom numpy import nothing", machine), machine, PROGRESS
        )
        works = {one.imported.module: one.works for one in found.outcomes}
        assert works == {"numpy": False, "pandas": True}
        assert "no nothing" in reason(found, "numpy")
        assert states(found)["six"] == ("later", "1.0")
        assert found.pins == {"numpy": "1.0", "pandas": "1.0", "six": "1.0"}
        assert found.is_tried

    def test_what_breaks_in_this_python_is_taken_newer(self, machine: Machine) -> None:
        found = try_out(proposed("import seaborn", machine), machine, PROGRESS)
        assert states(found) == {"seaborn": ("later", "0.9")}
        assert found.outcomes[0].works

    def test_failures_have_reasons_and_leave_nothing_behind(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        code = "import numpy, astropy, urllib2, our_own_thing, os\nfrom sklearn.qda import QDA"
        found = try_out(proposed(code, machine), machine, PROGRESS)
        troubles = {one.imported.module: one for one in found.outcomes if one.is_trouble}
        assert set(troubles) == {"astropy", "urllib2", "our_own_thing", "sklearn.qda"}
        assert all(one.advice for one in troubles.values())
        assert "sklearn.discriminant_analysis" in troubles["sklearn.qda"].advice
        assert list(tmp_path.iterdir()) == []

    def test_the_projects_own_code_is_never_run(self, machine: Machine, tmp_path: Path) -> None:
        mark = tmp_path / "ran"
        code = f"open({str(mark)!r}, 'w')\nimport numpy"
        try_out(proposed(code, machine), machine, PROGRESS)
        assert not mark.exists()

    def test_what_is_not_well_known_is_never_installed(
        self, dated: Uv, machine: Machine, tmp_path: Path
    ) -> None:
        mark = tmp_path / "ran"
        write_wheel(
            tmp_path / "w", "odd-thing", "1.0", files={"odd_thing/__init__.py": f"open({str(mark)!r}, 'w')"}
        )
        write_wheel(tmp_path / "w", "numpy", "1.0")
        own = Machine(find_uv(offline(tmp_path / "w", tmp_path / "c", os.environ)), machine.pythons, TODAY)
        cell = {"cell_type": "code", "source": "!pip install odd-thing\nimport odd_thing, numpy"}
        notebook = json.dumps({"cells": [cell], "metadata": {}})
        found = try_out(propose(detect_imports({"a.ipynb": notebook}), THEN, own, PROGRESS), own, PROGRESS)
        assert not mark.exists()
        assert {one.imported.module: one.works for one in found.outcomes} == {
            "numpy": True,
            "odd_thing": False,
        }
        assert "not well known" in "".join(found.remarks)

    def test_a_trial_can_be_cancelled_while_a_package_is_installed(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        slow = tmp_path / "slow-uv"
        slow.write_text(
            f'#!/bin/sh\n[ "$1" = pip ] && touch "{tmp_path}/begun" && exec sleep 60\n'
            f'exec "{machine.uv.program}" "$@"\n'
        )
        slow.chmod(0o700)

        class Waiting(NullProgress):
            @property
            def cancelled(self) -> bool:
                return (tmp_path / "begun").exists()

        proposal = proposed("import numpy", machine)
        began = time.monotonic()
        with pytest.raises(Cancelled, match="Stopped trying the packages"):
            try_out(proposal, replace(machine, uv=replace(machine.uv, program=str(slow))), Waiting())
        assert time.monotonic() - began < 30

    def test_a_trial_can_be_cancelled(self, machine: Machine) -> None:
        class Impatient(NullProgress):
            cancelled = True

        with pytest.raises(Cancelled, match="Stopped"):
            try_out(proposed("import numpy", machine), machine, Impatient())
        with pytest.raises(Cancelled):
            propose(detect_imports({"a.py": "import numpy"}), THEN, machine, Impatient())

    def test_a_python_that_went_away_is_said(self, machine: Machine) -> None:
        found = replace(proposed("import numpy", machine), python="3.99.0")
        with pytest.raises(Unavailable, match="no longer"):
            try_out(found, machine, PROGRESS)


class TestReasons:
    numpy = Import("python", "numpy", (), ("a.py",), False, "package", "numpy")

    @pytest.mark.parametrize(
        ("kind", "message", "missing", "said"),
        [
            ("ImportError", "libGL.so.1: cannot open shared object file", "", "libGL.so.1"),
            ("ModuleNotFoundError", "No module named 'yaml'", "yaml", "needs yaml"),
            ("ModuleNotFoundError", "No module named 'zzz_odd'", "zzz_odd", "needs zzz_odd"),
            ("ModuleNotFoundError", "No module named 'numpy.x'", "numpy.x", "no module numpy.x"),
            ("SyntaxError", "invalid syntax", "", "another Python"),
            ("Timeout", "", "", "two minutes"),
            ("Crash", "ended with -11", "", "-11"),
            ("TypeError", "odd", "", "TypeError: odd"),
        ],
    )
    def test_of_failures(self, kind: str, message: str, missing: str, said: str) -> None:
        told, advice = of_failure(self.numpy, kind, message, missing, "3.11")
        assert said in told
        assert advice

    def test_of_what_the_standard_library_lost(self) -> None:
        distutils = Import("python", "distutils.core", (), ("a.py",), False, "standard")
        assert "3.12" in of_import(distutils, "3.13")[0]
        assert of_import(distutils, "3.11") == ("", "")

    def test_of_the_resolver(self) -> None:
        gone = "Because x-y was not found in the package registry and you require x-y"
        assert "no package of this name" in of_resolver("x-y", gone, "3.8")[0]
        assert "source only" in of_resolver("x", "all versions of x have no usable wheels", "3.8")[0]
        assert "does not fit" in of_resolver("x", "because " + "long " * 200, "3.8")[0]


class TestR:
    def test_packages_are_asked_for_as_of_a_day(self) -> None:
        old = Moment(date(2015, 1, 1), "x")
        wanted = wanted_of_r(("ggplot2", "limma"), old, recent=False)
        assert wanted.snapshot == "2017-10-10"
        assert "Bioconductor" in "".join(notes_about_r(wanted, old))
        assert wanted_of_r(("ggplot2",), THEN, recent=True).snapshot is None
        assert wanted_of_r((), THEN, recent=False).requirements == ()
        assert list(notes_about_r(wanted_of_r((), THEN, recent=False), THEN)) == []

    def test_without_r_it_is_said(self, machine: Machine) -> None:
        found = propose(detect_imports({"a.R": "library(dplyr)"}), THEN, machine, PROGRESS)
        (one,) = try_r(found.outcomes, None, os.environ, PROGRESS)
        assert (one.works, one.reason) == (False, "this machine has no R")

    @pytest.mark.needs("Rscript")
    def test_packages_are_loaded_in_r(self, machine: Machine) -> None:
        found = propose(
            detect_imports({"a.R": "library(survival)\nlibrary(noSuchThing1)"}), THEN, machine, PROGRESS
        )
        tried = try_r(found.outcomes, "Rscript", os.environ, PROGRESS)
        assert {one.imported.module: one.works for one in tried}["noSuchThing1"] is False
        assert "does not have it" in tried[0].reason


def test_days_are_read_strictly() -> None:
    assert parse_day(" 2016-05-01 ") == date(2016, 5, 1)
    with pytest.raises(InvalidInput, match="not a day"):
        parse_day("last summer")
