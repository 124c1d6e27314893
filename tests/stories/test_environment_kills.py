"""Whatever is killed while an environment is made: the next command makes it whole, and it is proved to be so.

TRAILMARK_KILL_POINTS=50 tries that many moments, spread over the time that the work takes; by default a part.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from trailmark.settings import Settings
from trailmark.testing.wheels import offline, write_index, write_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
POINTS = int(os.environ.get("TRAILMARK_KILL_POINTS", "4"))
PACKAGES = 60
FILES = 15
SAY = "import part_00, part_59.m14; print(part_00.__version__)"


class Room:
    """A project that asks for many packages, and the command line as programs of their own."""

    def __init__(self, command: list[str], environ: dict[str, str], home: Path) -> None:
        self._command = command
        self.environ = environ
        self.home = home

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*self._command, *arguments],
            env=self.environ,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self._command, *arguments],
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def ask(self, *arguments: str) -> dict[str, object]:
        """Run a command that must succeed; return what it says to programs."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return dict(json.loads(done.stdout))

    def kill_after(self, seconds: float, *arguments: str, whole: bool) -> bool:
        """Kill a command after that time, with all that it started (`whole`) or alone. Whether it still ran."""
        process = self.start(*arguments)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        was_running = process.poll() is None
        if whole and was_running:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        return was_running


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of many packages with many files, of each of which part-00 has two versions."""
    folder = write_index(tmp_path_factory.mktemp("many") / "wheels")
    for number in range(PACKAGES):
        name = f"part-{number:02}"
        module = name.replace("-", "_")
        files = {f"{module}/m{each}.py": f"x = {each}\n" * 20 for each in range(FILES)}
        write_wheel(folder, name, "1.0", files=files)
    write_wheel(folder, "part-00", "2.0", files={f"part_00/m{each}.py": "x = 2\n" for each in range(FILES)})
    return folder


@pytest.fixture
def room(settings: Settings, wheels: Path, tmp_path: Path, trailmark: list[str]) -> Room:
    environ = offline(wheels, tmp_path / "cache", os.environ)
    room = Room(trailmark, environ, settings.home)
    room.ask("new", "field")
    manifest = settings.home / "projects" / "ada" / "field" / "trailmark.toml"
    wanted = ", ".join(f'"part-{number:02}"' for number in range(1, PACKAGES))
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(
        text.replace("packages = []", f'packages = ["part-00==1.0", {wanted}]'), encoding="utf-8"
    )
    room.ask("-C", "field", "env", "lock")
    return room


def runs(room: Room, version: str) -> None:
    """A program runs in the environment, and has that version."""
    ran = room.run("-C", "field", "run", "--", "python", "-c", SAY)
    assert (ran.returncode, ran.stdout.strip()) == (0, version), ran.stderr


def is_whole(room: Room, version: str) -> None:
    """The environment has what its lock says, file by file."""
    runs(room, version)
    proof = room.ask("-C", "field", "env", "verify")
    assert (proof["ok"], proof["differences"]) == (True, [])


def made(room: Room) -> dict[str, Path]:
    """Return the environments on this machine, the half made ones as well."""
    folder = room.home / "environments"
    return {path.name: path for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_build_that_is_killed_anywhere_is_made_whole_by_the_next(room: Room) -> None:
    (digest,) = made(room)
    command = ("-C", "field", "env", "build")
    at_work = 0
    shutil.rmtree(made(room)[digest])
    began = time.monotonic()
    room.ask(*command)
    spread = time.monotonic() - began
    for number in range(POINTS):
        shutil.rmtree(made(room)[digest])
        at_work += room.kill_after(spread * (number + 0.5) / POINTS, *command, whole=bool(number % 2))
        is_whole(room, "1.0")
        assert set(made(room)) == {digest}
    assert at_work >= POINTS / 2
    assert room.ask("-C", "field", "verify")["ok"]


def test_a_change_that_is_killed_anywhere_is_done_or_not_done(room: Room) -> None:
    at_work, spread = 0, 0.0
    versions = ("2.0", "1.0")
    (before,) = made(room)
    for number in range(-1, POINTS):
        wanted = versions[(number + 1) % 2]
        command = ("-C", "field", "env", "add", f"part-00=={wanted}")
        began = time.monotonic()
        if number >= 0:
            at_work += room.kill_after(
                spread * (number + 0.5) / POINTS, *command, whole=bool(number % 4 // 2)
            )
            is_whole(room, version_locked(room))
        room.ask(*command)
        spread = spread or time.monotonic() - began
        runs(room, wanted)
        digest = str(room.ask("-C", "field", "env")["digest"])
        assert set(made(room)) <= {before, digest}
        shutil.rmtree(made(room)[before])
        before = digest
    assert at_work >= POINTS / 2
    assert room.ask("-C", "field", "verify")["ok"]


def version_locked(room: Room) -> str:
    packages = room.ask("-C", "field", "env")["packages"]
    assert isinstance(packages, list)
    return str(next(one["version"] for one in packages if one["name"] == "part-00"))
