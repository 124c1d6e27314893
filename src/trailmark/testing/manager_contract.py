"""What every package manager must do. Subclass `ManagerContract` in a test module and give it a `make` fixture.

The index that it resolves from holds these packages, and whatever else the manager always wants:

    alpha  1.0, and 2.0 which needs beta from 1 on       gamma  1.0, which needs beta before 2
    beta   1.0 and 2.0                                   delta  1.0, which needs beta from 2 on
"""
# ruff: noqa: D102 - the name of a test says what must hold

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from trailmark.environments.managers import edit
from trailmark.environments.managers.model import ManagerLock, SolveFailed, Wanted
from trailmark.environments.managers.protocol import NOTHING, PackageManager
from trailmark.errors import Cancelled, Damaged, InvalidInput, NotFound

NAMES = ("alpha", "beta", "gamma", "delta")


@dataclass(frozen=True)
class Setting:
    """How a manager is made and spoken to.

    `make` gives a manager whose own folders lie in the folder given. `wanted` says where it looks. `at` writes how
    one exact version is asked for.
    """

    make: Callable[[Path], PackageManager]
    wanted: Wanted = NOTHING
    at: str = "{name}=={version}"
    searched: tuple[str, str] = ("alp", "alpha")

    def asking(self, *requirements: str) -> Wanted:
        """Return what asks for these packages where the manager looks."""
        return replace(self.wanted, requirements=requirements)

    def exactly(self, name: str, version: str) -> str:
        """Return the requirement for one version."""
        return self.at.format(name=name, version=version)


class Listener:
    """Keeps what it is told; `patience` is how often it is asked whether to stop before it says yes."""

    def __init__(self, patience: int | None = None) -> None:
        self.steps: list[str] = []
        self._patience = patience

    def step(self, message: str, fraction: float | None = None) -> None:
        """Keep the stage."""
        self.steps.append(message)

    def log(self, line: str) -> None:
        """Let the line pass."""

    @property
    def cancelled(self) -> bool:
        """Whether it is out of patience."""
        if self._patience is None:
            return False
        self._patience -= 1
        return self._patience < 0


class ManagerContract:
    """The suite."""

    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        """Return how to make the manager to test; a subclass must."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def manager(cls, setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> PackageManager:
        """Return one manager for the tests that change nothing."""
        return setting.make(tmp_path_factory.mktemp("home"))

    def test_what_is_asked_for_is_locked_with_all_that_it_needs(
        self, manager: PackageManager, setting: Setting
    ) -> None:
        listener = Listener()
        lock = manager.solve(setting.asking("alpha"), progress=listener)
        assert _versions(lock) == {"alpha": "2.0", "beta": "2.0"}
        assert (lock.manager, lock.file_name) == (manager.name, manager.file_name)
        assert listener.steps
        assert lock.text.endswith("\n")

    def test_packages_are_named_with_their_hashes(self, manager: PackageManager, setting: Setting) -> None:
        lock = manager.solve(setting.asking("alpha"))
        if manager.name != "memory":
            assert all(":" in value for item in lock.items for value in item.hashes)
            assert all(item.hashes for item in lock.items)

    def test_nothing_asked_for_is_a_lock_as_well(self, manager: PackageManager, setting: Setting) -> None:
        lock = manager.solve(setting.asking())
        assert _versions(lock) == {}
        assert manager.parse(lock.text) == lock
        assert manager.outdated(lock) == {} or _others_only(manager.outdated(lock))

    def test_a_lock_is_read_as_it_was_written(self, manager: PackageManager, setting: Setting) -> None:
        lock = manager.solve(setting.asking("alpha", "gamma"))
        assert manager.parse(lock.text) == lock
        assert len(lock.digest) == 64

    def test_the_same_request_gives_the_same_lock_in_another_home(
        self, setting: Setting, tmp_path: Path
    ) -> None:
        wanted = setting.asking("alpha", "gamma")
        first = setting.make(tmp_path / "one").solve(wanted)
        second = setting.make(tmp_path / "some" / "other").solve(wanted)
        assert first.text.encode() == second.text.encode()
        assert first.digest == second.digest

    def test_the_order_of_what_is_asked_for_does_not_matter(
        self, manager: PackageManager, setting: Setting
    ) -> None:
        one = manager.solve(setting.asking("gamma", "alpha"))
        assert one == manager.solve(setting.asking("alpha", "gamma"))

    def test_everything_is_resolved_together(self, manager: PackageManager, setting: Setting) -> None:
        lock = manager.solve(setting.asking("alpha", "gamma"))
        assert _versions(lock) == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}

    def test_an_exact_version_is_taken(self, manager: PackageManager, setting: Setting) -> None:
        text = setting.exactly("alpha", "1.0")
        lock = manager.solve(setting.asking(text))
        assert _versions(lock) == {"alpha": "1.0"}
        assert manager.meets(text, "1.0")
        assert not manager.meets(text, "2.0")
        assert manager.meets("alpha", "2.0")

    def test_adding_leaves_the_others_where_they_are(self, manager: PackageManager, setting: Setting) -> None:
        before = manager.solve(setting.asking(setting.exactly("beta", "1.0")))
        wanted = edit.add(manager, setting.asking("beta"), "alpha")
        assert wanted.requirements == ("beta", "alpha")
        assert _versions(manager.solve(wanted)) == {"alpha": "2.0", "beta": "2.0"}
        assert _versions(manager.solve(wanted, before)) == {"alpha": "2.0", "beta": "1.0"}

    def test_keeping_gives_way_to_what_is_asked_for(self, manager: PackageManager, setting: Setting) -> None:
        before = manager.solve(setting.asking(setting.exactly("beta", "1.0")))
        lock = manager.solve(setting.asking("beta", "delta"), before)
        assert _versions(lock) == {"beta": "2.0", "delta": "1.0"}

    def test_removing_leaves_the_others_where_they_are(
        self, manager: PackageManager, setting: Setting
    ) -> None:
        wanted = setting.asking(setting.exactly("beta", "1.0"), "alpha", setting.exactly("alpha", "2.0"))
        wanted = replace(wanted, requirements=wanted.requirements[:2])
        before = manager.solve(wanted)
        loose = edit.remove(manager, setting.asking("alpha", "beta", "gamma"), "gamma")
        assert loose.requirements == ("alpha", "beta")
        assert _versions(manager.solve(loose, before)) == {"alpha": "2.0", "beta": "1.0"}
        assert _versions(manager.solve(setting.asking("beta"), before)) == {"beta": "1.0"}
        with pytest.raises(NotFound):
            edit.remove(manager, loose, "gamma")

    def test_updating_moves_what_is_named_only(self, manager: PackageManager, setting: Setting) -> None:
        before = manager.solve(
            setting.asking(setting.exactly("beta", "1.0"), setting.exactly("alpha", "1.0"))
        )
        wanted = setting.asking("beta", "alpha")
        assert _versions(manager.solve(wanted, before)) == {"alpha": "1.0", "beta": "1.0"}
        assert _versions(manager.solve(wanted, before, move=["alpha"])) == {"alpha": "2.0", "beta": "1.0"}
        assert _versions(manager.solve(wanted, before, move=["beta"])) == {"alpha": "1.0", "beta": "2.0"}
        assert _versions(manager.solve(wanted)) == {"alpha": "2.0", "beta": "2.0"}

    def test_a_conflict_is_explained_in_the_solvers_words(
        self, manager: PackageManager, setting: Setting
    ) -> None:
        before = manager.solve(setting.asking("gamma"))
        with pytest.raises(SolveFailed) as failed:
            manager.solve(setting.asking("gamma", "delta"), before)
        assert failed.value.output
        assert failed.value.output in str(failed.value)
        assert {"gamma", "delta", "beta"} <= set(_words(failed.value.output))
        assert manager.solve(setting.asking("gamma"), before) == before

    def test_a_package_that_there_is_not(self, manager: PackageManager, setting: Setting) -> None:
        with pytest.raises(SolveFailed) as failed:
            manager.solve(setting.asking("nosuchthing"))
        assert "nosuch" in failed.value.output

    def test_a_version_that_there_is_not(self, manager: PackageManager, setting: Setting) -> None:
        with pytest.raises(SolveFailed) as failed:
            manager.solve(setting.asking(setting.exactly("alpha", "3.0")))
        assert "alpha" in failed.value.output

    def test_names_are_completed(self, manager: PackageManager, setting: Setting) -> None:
        prefix, name = setting.searched
        found = manager.search(prefix, wanted=setting.wanted)
        assert name in found
        assert found[0].startswith(prefix)
        assert len(manager.search(prefix[:1], 1, setting.wanted)) == 1
        assert manager.search(prefix.upper(), wanted=setting.wanted) == found

    @pytest.mark.parametrize("prefix", ["", "  ", "no-such-name-at-all", "../..", "%", "-x~"])
    def test_nothing_known_completes_to_nothing(
        self, manager: PackageManager, setting: Setting, prefix: str
    ) -> None:
        assert manager.search(prefix, wanted=setting.wanted) == []

    def test_the_newest_version_is_known(self, manager: PackageManager, setting: Setting) -> None:
        found = manager.newest(["alpha", "gamma", "nosuchthing"], setting.wanted)
        assert found == {"alpha": "2.0", "gamma": "1.0", "nosuchthing": None}
        assert manager.newest([], setting.wanted) == {}

    def test_the_versions_of_a_package_are_listed(self, manager: PackageManager, setting: Setting) -> None:
        assert manager.versions("alpha", wanted=setting.wanted) == ["2.0", "1.0"]
        assert manager.versions("alpha", 1, setting.wanted) == ["2.0"]
        assert manager.versions("nosuchthing", wanted=setting.wanted) == []
        with pytest.raises(InvalidInput):
            manager.versions("--help", wanted=setting.wanted)

    def test_one_version_can_be_asked_for(self, manager: PackageManager, setting: Setting) -> None:
        exact = manager.exactly("alpha", "1.0")
        assert exact == manager.check(setting.exactly("alpha", "1.0")).replace(" ", "")
        assert manager.name_of(exact) == "alpha"
        assert manager.meets(exact, "1.0")
        assert not manager.meets(exact, "2.0")
        assert manager.exactly(exact, "2.0") == manager.exactly("alpha", "2.0")

    def test_versions_have_an_order(self, manager: PackageManager) -> None:
        assert manager.is_newer("1.10", "1.9")
        assert not manager.is_newer("1.9", "1.10")
        assert not manager.is_newer("1.9", "1.9")
        assert not manager.is_newer("no version!", "1.0")
        assert not manager.is_newer("1.0", "no version!")

    def test_what_is_behind_is_listed(self, manager: PackageManager, setting: Setting) -> None:
        lock = manager.solve(setting.asking(setting.exactly("alpha", "1.0"), "gamma"))
        assert manager.outdated(lock) == {"alpha": "2.0", "beta": "2.0"}
        assert manager.outdated(manager.solve(setting.asking("alpha"))) == {}

    def test_what_a_lock_does_not_answer(self, manager: PackageManager, setting: Setting) -> None:
        exact = setting.exactly("beta", "2.0")
        lock = manager.solve(setting.asking("alpha", "gamma"))
        assert edit.unmet(manager, setting.asking("alpha", "beta", "gamma"), lock) == ()
        assert edit.unmet(manager, setting.asking("alpha", exact, "delta"), lock) == (exact, "delta")
        assert edit.unmet(manager, setting.asking("alpha"), None) == ("alpha",)

    def test_requirements_have_a_normal_form(self, manager: PackageManager, setting: Setting) -> None:
        for text in ("alpha", "  alpha ", setting.exactly("alpha", "2.0")):
            normal = manager.check(text)
            assert manager.check(normal) == normal
            assert manager.name_of(text) == manager.name_of(normal) == "alpha"

    @pytest.mark.parametrize(
        "requirement",
        [
            "",
            " ",
            "-x",
            "--help",
            "a && b",
            "a;rm -rf",
            "a\nb",
            "a\0b",
            "$(a)",
            "é",
            "x" * 3000,
            "=1",
            "../a",
        ],
    )
    def test_what_is_no_package_is_refused(
        self, manager: PackageManager, setting: Setting, requirement: str
    ) -> None:
        with pytest.raises(InvalidInput):
            manager.check(requirement)
        with pytest.raises(InvalidInput):
            manager.solve(setting.asking(requirement))

    @pytest.mark.parametrize(
        "text", ["", "x", "[]", "{}", "null", "1", "version = 1", "version: 1", "\0", "a: &x [*x]"]
    )
    def test_what_is_no_lock_is_refused(self, manager: PackageManager, text: str) -> None:
        with pytest.raises(Damaged) as damaged:
            manager.parse(text)
        assert manager.file_name in str(damaged.value)

    def test_work_that_is_no_longer_wanted_stops(self, manager: PackageManager, setting: Setting) -> None:
        wanted = setting.asking("alpha", "gamma")
        with pytest.raises(Cancelled):
            manager.solve(wanted, progress=Listener(patience=0))
        with pytest.raises(Cancelled):
            manager.solve(wanted, progress=Listener(patience=1))
        assert manager.solve(wanted) == manager.solve(wanted, progress=Listener())

    def test_the_same_lock_is_installed_in_the_same_steps(
        self, manager: PackageManager, setting: Setting
    ) -> None:
        lock = manager.solve(setting.asking("alpha", "gamma"))
        steps = manager.install_steps(lock)
        assert steps == manager.install_steps(manager.parse(lock.text))
        assert steps
        for step in steps:
            assert step.name == manager.name
            assert all("\n" not in line for line in step.run)
            assert all("/" not in path for path in step.files)


def _versions(lock: ManagerLock) -> dict[str, str | None]:
    return {item.name: item.version for item in lock.items if item.name in NAMES}


def _others_only(outdated: dict[str, str]) -> bool:
    return not set(outdated) & set(NAMES)


def _words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in text).split()
