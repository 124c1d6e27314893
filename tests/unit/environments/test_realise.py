import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from trailmark.environments import realise
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.lock import resolve
from trailmark.environments.model import EnvironmentRequest, Lock, parse_lock
from trailmark.environments.realise import InstallFailed, ensure, find_realised
from trailmark.environments.uv import Uv
from trailmark.errors import Cancelled, InvalidInput, Unavailable
from trailmark.process import run


class Listener:
    """Asks for an end when it is told a step that begins with `at`."""

    def __init__(self, at: str = "-") -> None:
        self.steps: list[str] = []
        self._at = at

    def step(self, message: str, fraction: float | None = None) -> None:
        self.steps.append(message)

    def log(self, line: str) -> None:
        pass

    @property
    def cancelled(self) -> bool:
        return bool(self.steps) and self.steps[-1].startswith(self._at)


@pytest.fixture(scope="session")
def lock(uv: Uv, python: Interpreter) -> Lock:
    return resolve(EnvironmentRequest(packages=("alpha",)), python=python, uv=uv)


def _version(python: Path, module: str = "alpha") -> str:
    script = f"import {module}; print({module}.__version__)"
    return run([str(python), "-I", "-c", script]).require("no environment").stdout.strip()


def _left(home: Path) -> list[str]:
    """Return what lies in the environments' folder besides the lock files."""
    return sorted(path.name for path in (home / "environments").iterdir() if not path.name.endswith(".lock"))


def test_an_environment_has_what_the_lock_says(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    progress = Listener()
    made = ensure(lock, home=home, python=python, uv=uv, progress=progress)
    assert made.digest == lock.digest
    assert made.path == home / "environments" / lock.digest
    assert _version(made.python) == "2.0"
    assert (made.path / "pylock.toml").read_text() == lock.text
    assert progress.steps == ["Making the environment", "Installing 3 packages", "Writing to disk"]
    assert find_realised(lock.digest, home) == made


def test_it_is_made_once(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    made = ensure(lock, home=home, python=python, uv=uv)
    (made.path / "note").touch()
    progress = Listener()
    assert ensure(lock, home=home, python=python, uv=uv, progress=progress) == made
    assert (made.path / "note").exists()
    assert progress.steps == []


def test_one_whose_python_is_gone_is_made_again(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    made = ensure(lock, home=home, python=python, uv=uv)
    made.python.unlink()
    made.python.symlink_to(home / "no-longer-there")
    assert find_realised(lock.digest, home) is None
    assert _version(ensure(lock, home=home, python=python, uv=uv).python) == "2.0"


def test_a_wrong_hash_is_refused_and_nothing_stays(
    home: Path, lock: Lock, uv: Uv, python: Interpreter
) -> None:
    ensure(lock, home=home, python=python, uv=uv)
    first = lock.text.index('sha256 = "') + len('sha256 = "')
    wrong = parse_lock(lock.text[:first] + "0" * 64 + lock.text[first + 64 :])
    with pytest.raises(InstallFailed, match="uv says") as caught:
        ensure(wrong, home=home, python=python, uv=uv)
    assert "ash" in caught.value.output
    assert _left(home) == [lock.digest]


def test_a_package_that_is_not_there_leaves_nothing(
    home: Path, lock: Lock, uv: Uv, python: Interpreter
) -> None:
    gone = parse_lock(lock.text.replace("alpha-2.0-py3", "alpha-2.0-py2.py3"))
    with pytest.raises(InstallFailed):
        ensure(gone, home=home, python=python, uv=uv)
    assert _left(home) == []


def test_a_lock_for_another_python_is_refused(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    other = parse_lock(lock.text.replace(f"=={python.minor}.*", "==3.7.*"))
    with pytest.raises(InvalidInput, match=r"3\.7"):
        ensure(other, home=home, python=python, uv=uv)
    assert not home.exists()


@pytest.mark.parametrize("at", ["Making", "Installing"])
def test_cancel_leaves_nothing(home: Path, lock: Lock, uv: Uv, python: Interpreter, at: str) -> None:
    with pytest.raises(Cancelled):
        ensure(lock, home=home, python=python, uv=uv, progress=Listener(at))
    assert _left(home) == []
    assert _version(ensure(lock, home=home, python=python, uv=uv).python) == "2.0"


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, lock: Lock, uv: Uv, python: Interpreter
) -> None:
    (tmp_path / "home" / "environments").mkdir(parents=True)
    (tmp_path / "home" / "environments" / f".{lock.digest}.lock").mkdir()
    with pytest.raises(Unavailable, match="cannot write"):
        ensure(lock, home=tmp_path / "home", python=python, uv=uv)


def test_a_full_disk_is_named_and_leaves_nothing(
    home: Path, lock: Lock, uv: Uv, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(realise, "write_file", fail)
    with pytest.raises(Unavailable, match="No space left"):
        ensure(lock, home=home, python=python, uv=uv)
    assert _left(home) == []


def test_waiting_for_another_can_be_cancelled(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    (home / "environments").mkdir(parents=True)
    progress = Listener("Waiting")
    with realise._held(home / "environments" / f".{lock.digest}.lock", Listener()), pytest.raises(Cancelled):
        ensure(lock, home=home, python=python, uv=uv, progress=progress)
    assert progress.steps == ["Waiting: the same environment is being made already"]


def _ensure(text: str, home: Path, python: Interpreter, program: str, environ: dict[str, str]) -> None:
    ensure(parse_lock(text), home=home, python=python, uv=Uv(program, environ))


def test_many_at_once_make_one(home: Path, lock: Lock, uv: Uv, python: Interpreter) -> None:
    context = multiprocessing.get_context("fork")
    args = (lock.text, home, python, uv.program, dict(uv.environ))
    processes = [context.Process(target=_ensure, args=args) for _ in range(2)]
    threads = [threading.Thread(target=_ensure, args=args) for _ in range(3)]
    for one in (*processes, *threads):
        one.start()
    for one in (*processes, *threads):
        one.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert _left(home) == [lock.digest]
    found = find_realised(lock.digest, home)
    assert found is not None
    assert _version(found.python) == "2.0"


class Killer(Listener):
    """Kills its own process at the event with the number `at`; counts the events before it."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.events = 0
        self._kill_at = at

    def step(self, message: str, fraction: float | None = None) -> None:
        self.log(message)

    def log(self, line: str) -> None:
        if self.events == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.events += 1


def _ensure_killed(lock: Lock, home: Path, python: Interpreter, uv: Uv, at: int) -> None:
    ensure(lock, home=home, python=python, uv=uv, progress=Killer(at))


def _check_next_call(lock: Lock, home: Path, python: Interpreter, uv: Uv) -> None:
    """The next call gives a whole environment and leaves nothing else."""
    made = ensure(lock, home=home, python=python, uv=uv)
    assert _version(made.python) == "2.0"
    assert (made.path / "bin" / "python").exists()
    assert len(list(made.path.glob("lib/python*/site-packages/*.dist-info/RECORD"))) == 3
    assert _left(home) == [lock.digest]
    realise._remove(made.path)


def test_killed_at_every_event_the_next_call_just_works(
    home: Path, lock: Lock, uv: Uv, python: Interpreter
) -> None:
    counter = Killer(-1)
    realise._remove(ensure(lock, home=home, python=python, uv=uv, progress=counter).path)
    assert counter.events >= 8
    for at in range(counter.events):
        args = (lock, home, python, uv, at)
        child = multiprocessing.get_context("fork").Process(target=_ensure_killed, args=args)
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert find_realised(lock.digest, home) is None
        _check_next_call(lock, home, python, uv)


def test_killed_at_random_the_next_call_just_works(
    home: Path, lock: Lock, uv: Uv, python: Interpreter
) -> None:
    began = time.monotonic()
    realise._remove(ensure(lock, home=home, python=python, uv=uv).path)
    spread = 1.3 * (time.monotonic() - began)
    for n in range(6):
        args = (lock, home, python, uv, -1)
        child = multiprocessing.get_context("fork").Process(target=_ensure_killed, args=args)
        child.start()
        time.sleep(spread * (n + random.random()) / 6)
        child.kill()
        child.join()
        _check_next_call(lock, home, python, uv)
