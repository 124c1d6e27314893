"""From the journal's fsync to both refs moved, by the recorder at work, beside `git add -A && git commit`.

Both work in a project of 50,000 commits (TRAILMARK_BENCH_COMMITS) and 20,000 tracked files, once with its
objects packed and once with all of them loose, and take turns.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from _figures import Figure, show

from trailmark import settings as trailmark_settings
from trailmark.projects.catch_up import catch_up
from trailmark.projects.project import Project, open_project
from trailmark.sessions.capture import recorder_command
from trailmark.sessions.recorder import is_recording
from trailmark.testing.trails import TrailShape, make_trail
from trailmark_capture.journal import Writer, new_id

COMMITS = int(os.environ.get("TRAILMARK_BENCH_COMMITS", "50000"))
FILES = 20_000
ROUNDS, WARM_UP = 60, 5
GOAL_MS = 10
PAUSE_SECONDS = 0.05
POLL_SECONDS = 0.0002
WAIT_SECONDS = 120


def git(folder: Path, *words: str) -> None:
    """Run git as a person would."""
    who = ("-c", "user.name=Bob", "-c", "user.email=bob@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", *who, "-C", str(folder), *words], check=True, stdout=subprocess.DEVNULL)


def make_project(home: Path, *, packed: bool) -> Project:
    """Make the project, its work tree checked out."""
    path = home / "projects" / "ada" / ("packed" if packed else "loose")
    repository = make_trail(path, TrailShape(COMMITS, files=FILES, packed=packed, device="desk"))
    git(repository.path, "reset", "-q", "--hard")
    (path / "trailmark.toml").write_text('name = "bench"\n', encoding="utf-8")
    project = open_project(path, trailmark_settings.load({**os.environ, "TRAILMARK_HOME": str(home)}))
    catch_up(project)
    return project


@contextmanager
def recorder(project: Project, writer: Writer) -> Iterator[None]:
    """Have the project's recorder run, and be done with what it does first."""
    environment = {**os.environ, "TRAILMARK_HOME": str(project.settings.home)}
    process = subprocess.Popen(recorder_command(project), env=environment)
    try:
        wait_for(lambda: is_recording(project) and (project.state / "recorder.sock").exists())
        record_once(project, writer, -1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=WAIT_SECONDS)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "the recorder did not answer"
        time.sleep(0.01)


def record_once(project: Project, writer: Writer, number: int) -> float:
    """Journal one action that wrote a file; return the seconds until its commit stands on the branch."""
    branch = project.repository.git_folder / "refs" / "heads" / "main"
    path = f"output/00/{number % 28:02d}/07.csv"
    (project.path / path).write_text(f"{number} {time.time()}\n", encoding="utf-8")
    entry = {"id": new_id(), "kind": "cell", "started": time.time(), "tool": "jupyterlab", "actor": "person"}
    outputs = [{"mime": "text/plain", "name": "stdout", "group": 0, "text": f"round {number}"}]
    end = {
        **entry,
        "type": "end",
        "ended": time.time(),
        "status": "ok",
        "code": "write()",
        "outputs": outputs,
    }
    before = branch.read_bytes()
    writer.append({**end, "writes": [{"path": path}]})
    begun = time.perf_counter()
    deadline = begun + WAIT_SECONDS
    while branch.read_bytes() == before:
        assert time.perf_counter() < deadline, "the recorder did not record"
        time.sleep(POLL_SECONDS)
    return time.perf_counter() - begun


def commit_once(folder: Path, number: int) -> float:
    """Change a file and commit it with git; return the seconds."""
    (folder / "output" / "00" / f"{number % 28:02d}" / "07.csv").write_text(f"{number}\n", encoding="utf-8")
    begun = time.perf_counter()
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"round {number}")
    return time.perf_counter() - begun


def measure(home: Path, *, packed: bool) -> list[Figure]:
    """Return the figures for one kind of repository."""
    kind = "packed" if packed else "loose"
    project = make_project(home, packed=packed)
    peer = home / f"peer-{kind}"
    subprocess.run(["git", "clone", "-q", "--shared", str(project.path), str(peer)], check=True)
    writer = Writer(project.state / "journal", "bench", project.state / "recorder.sock")
    ours, theirs = [], []
    with recorder(project, writer):
        for number in range(WARM_UP + ROUNDS):
            ours.append(record_once(project, writer, number))
            theirs.append(commit_once(peer, number))
            time.sleep(PAUSE_SECONDS)
    writer.close()
    shutil.rmtree(project.path)
    shutil.rmtree(peer)
    return [
        Figure(
            f"journal to refs, {kind} (median)", 1000 * statistics.median(ours[WARM_UP:]), at_most=GOAL_MS
        ),
        Figure(f"journal to refs, {kind} (9 of 10)", 1000 * sorted(ours[WARM_UP:])[ROUNDS * 9 // 10]),
        Figure(f"git add -A && git commit, {kind} (median)", 1000 * statistics.median(theirs[WARM_UP:])),
    ]


def main() -> int:
    """Print the figures; return 1 when the goal was missed."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "settings.toml").write_text(f"device = {json.dumps('desk')}\n", encoding="utf-8")
        print(f"{COMMITS:,} commits, {FILES:,} tracked files, watcher on", flush=True)
        return max(show(measure(home, packed=packed)) for packed in (True, False))


if __name__ == "__main__":
    sys.exit(main())
