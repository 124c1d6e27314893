import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trailmark_capture.files.inotify import Watcher
from trailmark_capture.files.log import Files, classify, combine

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "project"
    (path / "data/deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "data/deep/c.csv"):
        (path / name).write_text("1")
    return path


@pytest.fixture
def watcher(project: Path) -> Iterator[Watcher]:
    found = Watcher(project)
    assert found.start()
    yield found
    found.close()


def files_of(watcher: Watcher, project: Path, since: float) -> Files:
    return classify(watcher.accesses(since, time.time()), project)


def perhaps(*paths: str) -> list[dict[str, object]]:
    return [{"path": path, "external": False, "candidate": True} for path in paths]


def test_what_happened_in_a_span_of_time(watcher: Watcher, project: Path) -> None:
    (project / "a.csv").read_text()
    time.sleep(0.05)
    since = time.time()
    (project / "data/deep/c.csv").read_text()
    (project / "new.csv").write_text("1")
    (project / "tmp").write_text("1")
    os.replace(project / "tmp", project / "data/made.csv")
    (project / "gone").write_text("1")
    (project / "gone").unlink()
    (project / "b.csv").unlink()
    files = files_of(watcher, project, since)
    assert files == Files(perhaps("data/deep/c.csv"), perhaps("new.csv", "data/made.csv"), ["b.csv"])
    assert watcher.is_complete


def test_new_and_renamed_folders_are_watched(watcher: Watcher, project: Path) -> None:
    since = time.time()
    (project / "made/deep").mkdir(parents=True)
    (project / "made/deep/x").write_text("1")
    (project / "data").rename(project / "moved")
    (project / "moved/deep/c.csv").write_text("2")
    time.sleep(0.05)
    (project / "moved/deep/y").write_text("2")
    files = files_of(watcher, project, since)
    assert {entry["path"] for entry in files.writes} == {"made/deep/x", "moved/deep/c.csv", "moved/deep/y"}
    assert files.deletes == ["data/deep/c.csv"]


def test_caches_are_not_watched(watcher: Watcher, project: Path) -> None:
    since = time.time()
    for name in (".git", "__pycache__"):
        (project / name).mkdir()
        (project / name / "x").write_text("1")
    assert files_of(watcher, project, since) == Files([], [], [])


def test_what_moves_out_is_deleted(watcher: Watcher, project: Path, tmp_path: Path) -> None:
    since = time.time()
    (project / "a.csv").rename(tmp_path / "a.csv")
    assert files_of(watcher, project, since).deletes == ["a.csv"]


def test_a_flood_is_survived(watcher: Watcher, project: Path) -> None:
    since = time.time()
    for number in range(3_000):
        (project / f"f{number % 50}").write_text(str(number))
    assert len(files_of(watcher, project, since).writes) == 50


def test_what_is_certain_stays_certain() -> None:
    own = {"path": "a", "external": False}
    seen = Files([own], [{"path": "b", "external": False}], ["d"])
    both = combine(seen, Files(perhaps("a", "b", "c"), perhaps("a", "b"), ["d", "e"]))
    assert both == Files([own, *perhaps("c")], [*seen.writes, *perhaps("a")], ["d", "e"])
