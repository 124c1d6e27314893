"""SIGKILL at every point of recording, journalling and changing files: nothing acknowledged is lost, nothing twice.

With strace the points are the system calls that change something, one after another; without it they are
spread over time. By default a part of them is tried; TRAILMARK_KILL_POINTS=300 tries that many.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from trailmark.activity import Action, record
from trailmark.activity.store import iter_chain, trailers_of
from trailmark.activity.verify import verify
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import Project, open_project
from trailmark.settings import Settings

POINTS = int(os.environ.get("TRAILMARK_KILL_POINTS", "60"))
SHARDS = 4
MODES = ("journal", "record", "change")
CALLS = (
    "link,linkat,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync,sync_file_range,write,pwrite64,mkdir,"
    "mkdirat,ftruncate,flock"
)
STRACE = shutil.which("strace")


class Point(NamedTuple):
    """The `when`-th time that a system call is made; without a call, a number of seconds."""

    call: str
    when: float


class Target:
    """The process that forks what is killed."""

    def __init__(self, project: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_target.py")), str(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, mode: str, token: str) -> int:
        """Return the process id of a child that waits to be told to go on."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode} {token}\n")
        self._process.stdin.flush()
        pid = int(self._line())
        assert self._line() == "stopped"
        return pid

    def wait(self) -> str:
        """Return when the child is gone: `killed` or `done`."""
        return self._line()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def project(settings: Settings) -> Project:
    return new_project("killed", settings)


@pytest.fixture
def target(project: Project) -> Iterator[Target]:
    started = Target(project.path)
    yield started
    started.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("mode", MODES)
def test_nothing_acknowledged_is_lost(project: Project, target: Target, mode: str, shard: int) -> None:
    here = POINTS // (SHARDS * len(MODES))
    points = spread(measure(target, mode), here * SHARDS)[shard::SHARDS]
    killed = 0
    for number, point in enumerate(points):
        token = f"{mode}-{number}"
        killed += kill_at(target, mode, token, point) == "killed"
        check(project, token)
    assert killed > here / 2


def measure(target: Target, mode: str) -> list[Point]:
    """Return the points at which a run can be killed: its calls, or without strace a hundred moments."""
    pid = target.start(mode, "whole")
    started = time.monotonic()
    if not STRACE:
        os.kill(pid, signal.SIGCONT)
        target.wait()
        return [Point("", (time.monotonic() - started) * percent / 100) for percent in range(100)]
    with tracer(pid, "-e", f"trace={CALLS}") as tracing:
        os.kill(pid, signal.SIGCONT)
        _, said = tracing.communicate(timeout=60)
    target.wait()
    seen: Counter[str] = Counter()
    points = []
    for call in re.findall(rf"^(?:\[pid +\d+\] )?({CALLS.replace(',', '|')})\(", said, re.MULTILINE):
        seen[call] += 1
        points.append(Point(call, seen[call]))
    return points


def spread(points: list[Point], number: int) -> list[Point]:
    """Return so many of the points, evenly spread from the first to the last."""
    step = (len(points) - 1) / max(1, number - 1)
    return [points[round(at * step)] for at in range(number)]


def kill_at(target: Target, mode: str, token: str, point: Point) -> str:
    """Run a child until it is killed at a point; return `done` when it was over before."""
    pid = target.start(mode, token)
    if not STRACE:
        os.kill(pid, signal.SIGCONT)
        time.sleep(point.when)
        os.kill(pid, signal.SIGKILL)
    else:
        inject = f"inject={point.call}:signal=KILL:when={int(point.when)}"
        with tracer(pid, "-e", f"trace={point.call}", "-e", inject) as tracing:
            os.kill(pid, signal.SIGCONT)
            tracing.communicate(timeout=60)
    return target.wait()


def tracer(pid: int, *options: str) -> subprocess.Popen[str]:
    """Attach strace to a stopped process; return when it is attached."""
    assert STRACE is not None
    tracing = subprocess.Popen([STRACE, "-f", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True)
    assert tracing.stderr is not None
    assert "attached" in tracing.stderr.readline()
    return tracing


def check(project: Project, token: str) -> None:
    """Check, as the next command would find it, what the killed process left behind."""
    fresh = open_project(project.path, project.settings)
    catch_up(fresh)
    record(fresh.trail, Action("note", "the next command"))
    repository = fresh.repository
    tip = repository.find_ref(fresh.trail.ref)
    head = repository.head()
    assert tip is not None
    assert head is not None
    acknowledged = (project.path.parent / f"{token}.acked").read_text().split()
    chain = Counter(entry.record for _, entry in iter_chain(repository, tip) if entry)
    branch = Counter(trailers_of(commit.message).get("record") for commit in repository.iter_commits(head))
    assert [identity for identity in acknowledged if chain[identity] != 1] == []
    assert chain == branch
    assert set(chain.values()) == {1}
    assert verify(repository).problems == ()
    assert not list((repository.git_folder / "refs").rglob("*.lock"))
    git = ["git", "-C", str(project.path)]
    subprocess.run([*git, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True)
    subprocess.run([*git, "rev-parse", "--verify", "-q", "HEAD"], check=True, capture_output=True)
    status = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""
    assert not list(project.path.rglob(".trailmark-*.tmp"))
