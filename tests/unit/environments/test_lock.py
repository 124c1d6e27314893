import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from trailmark.environments.edit import add
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.lock import Attempt, ResolveFailed, plan_attempts, resolve
from trailmark.environments.model import EnvironmentRequest, Lock, LockedPackage, parse_lock
from trailmark.environments.uv import Uv, find_uv
from trailmark.errors import Cancelled, InvalidInput
from trailmark.testing.wheels import write_wheel


class Listener:
    """Keeps what it is told; `stop` makes it ask for an end at the first line."""

    def __init__(self, stop: bool = False) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []
        self._stop = stop
        self.cancelled = False

    def step(self, message: str, fraction: float | None = None) -> None:
        self.steps.append(message)

    def log(self, line: str) -> None:
        self.lines.append(line)
        self.cancelled = self._stop


def _versions(lock: Lock) -> dict[str, str | None]:
    return {package.name: package.version for package in lock.packages}


def test_resolve_locks_with_hashes_and_what_jupyterlab_needs(uv: Uv, python: Interpreter) -> None:
    progress = Listener()
    lock = resolve(EnvironmentRequest(packages=("alpha", "gamma")), python=python, uv=uv, progress=progress)
    assert _versions(lock) == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0", "ipykernel": "7.0"}
    assert lock.text.count("sha256") == 4
    assert lock.requires_python == f"=={python.minor}.*"
    assert parse_lock(lock.text) == lock
    assert progress.steps
    assert any("Resolved" in line for line in progress.lines)


def test_the_same_request_gives_the_same_lock(uv: Uv, python: Interpreter) -> None:
    request = EnvironmentRequest(packages=("alpha==1.0",))
    assert resolve(request, python=python, uv=uv) == resolve(request, python=python, uv=uv)


def test_a_lock_serves_other_systems_too(uv: Uv, python: Interpreter) -> None:
    lock = resolve(EnvironmentRequest(packages=("on-mac",)), python=python, uv=uv)
    assert lock.find("beta", {"sys_platform": "darwin"}) is not None
    assert lock.find("beta", {"sys_platform": "linux"}) is None


def test_adding_a_package_leaves_the_others_where_they_were(
    uv: Uv, python: Interpreter, tmp_path: Path, index: Path
) -> None:
    request = EnvironmentRequest(packages=("beta==1.0",))
    before = resolve(request, python=python, uv=uv)
    loose = replace(request, packages=("beta",))
    assert _versions(resolve(loose, python=python, uv=uv))["beta"] == "2.0"
    kept = resolve(add(loose, "alpha"), python=python, uv=uv, keep=before)
    assert _versions(kept) == {"alpha": "2.0", "beta": "1.0", "ipykernel": "7.0"}


def test_a_version_that_must_move_does(uv: Uv, python: Interpreter) -> None:
    before = resolve(EnvironmentRequest(packages=("beta", "alpha==1.0")), python=python, uv=uv)
    assert _versions(before)["beta"] == "2.0"
    request = EnvironmentRequest(packages=("beta", "alpha", "gamma"))
    after = resolve(request, python=python, uv=uv, keep=before)
    assert _versions(after) == {
        "alpha": "1.0",
        "beta": "1.0",
        "gamma": "1.0",
        "ipykernel": "7.0",
    } or _versions(after) == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0", "ipykernel": "7.0"}


def test_a_failing_resolve_gives_the_reason_and_leaves_no_trace(
    uv: Uv, python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResolveFailed, match="beta<2") as caught:
        resolve(EnvironmentRequest(packages=("gamma", "beta>=2")), python=python, uv=uv)
    assert "as it was" in str(caught.value)
    assert "gamma" in caught.value.output
    with pytest.raises(ResolveFailed, match="no-such-package"):
        resolve(EnvironmentRequest(packages=("no-such-package",)), python=python, uv=uv)
    with pytest.raises(ResolveFailed, match=r"futuristic.* requires Python") as caught:
        resolve(EnvironmentRequest(packages=("futuristic",)), python=python, uv=uv)
    assert "markers" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_terminal_does_not_break_the_reason(uv: Uv, python: Interpreter) -> None:
    narrow = find_uv({**uv.environ, "COLUMNS": "40"})
    with pytest.raises(ResolveFailed) as caught:
        resolve(EnvironmentRequest(packages=("futuristic",)), python=python, uv=narrow)
    assert "No solution found when resolving dependencies\n" in caught.value.output
    assert "markers" not in caught.value.output


def test_settings_in_the_folders_around_are_not_obeyed(
    uv: Uv, python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = tmp_path / "index"
    write_wheel(evil, "alpha", "666.0")
    write_wheel(evil, "ipykernel", "666.0")
    settings = f'no-index = true\nfind-links = ["{evil}"]\n'
    (tmp_path / "uv.toml").write_text(settings)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    index = os.path.dirname(uv.environ["UV_CONFIG_FILE"]) + "/wheels"
    plain = {name: value for name, value in uv.environ.items() if name != "UV_CONFIG_FILE"}
    bare = Uv(
        uv.program, {**plain, "UV_FIND_LINKS": index, "UV_OFFLINE": "1", "HOME": str(tmp_path / "nobody")}
    )
    with pytest.raises(ResolveFailed, match=r"ipykernel|alpha") as caught:
        resolve(EnvironmentRequest(packages=("alpha>600",)), python=python, uv=bare)
    assert "666" not in str(caught.value)


def test_resolve_can_be_cancelled(uv: Uv, python: Interpreter) -> None:
    with pytest.raises(Cancelled):
        resolve(EnvironmentRequest(packages=("alpha",)), python=python, uv=uv, progress=Listener(stop=True))


def test_another_python_than_asked_for_is_refused(uv: Uv, python: Interpreter) -> None:
    with pytest.raises(InvalidInput, match=r"<3\.9"):
        resolve(EnvironmentRequest("<3.9", ("alpha",)), python=python, uv=uv)


def test_projects_resolve_side_by_side(uv: Uv, python: Interpreter) -> None:
    locks: list[Lock] = []
    threads = [
        threading.Thread(
            target=lambda text=text: locks.append(
                resolve(EnvironmentRequest(packages=(text,)), python=python, uv=uv)
            )
        )
        for text in ("alpha", "gamma", "beta==1.0")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({lock.digest for lock in locks}) == 3


def _lock(*packages: LockedPackage) -> Lock:
    return Lock("", "", packages)


def test_attempts_go_from_holding_everything_to_this_system_alone() -> None:
    keep = _lock(LockedPackage("alpha", "1.0"), LockedPackage("beta", "1.0", "sys_platform == 'darwin'"))
    request = EnvironmentRequest(packages=("Alpha", "new"))
    assert plan_attempts(request, keep) == (
        Attempt(("alpha==1.0", "beta==1.0 ; sys_platform == 'darwin'")),
        Attempt(("alpha==1.0",)),
        Attempt(),
        Attempt(only_here=True),
    )
    assert plan_attempts(request, None) == (Attempt(), Attempt(only_here=True))


def test_what_the_request_moves_is_not_held() -> None:
    keep = _lock(LockedPackage("a", "1.0"), LockedPackage("b", "1.0"), LockedPackage("c", None))
    request = EnvironmentRequest(packages=("a>=2", "b @ https://example.org/b-1.0-py3-none-any.whl"))
    assert plan_attempts(request, keep) == (Attempt(), Attempt(only_here=True))
