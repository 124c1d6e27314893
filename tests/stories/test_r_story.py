"""R from beginning to end: what it did becomes records and commits, whoever started it."""

import os
import subprocess
from pathlib import Path

import pytest

from trailmark.activity import load
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.sessions.capture import capture_config, write_config
from trailmark.sessions.run import run
from trailmark_capture.config import Config
from trailmark_capture.r.environment import environment_for, find_console
from trailmark_capture.shell.spool import SpoolReader

pytestmark = [
    pytest.mark.needs("R"),
    pytest.mark.skipif(
        find_console() is None and os.environ.get("CI") != "true",
        reason="not built: the console library (apt install gcc libc6-dev)",
    ),
]


@pytest.fixture
def project(settings) -> Project:
    made = new_project("heights", settings)
    (made.path / "input" / "a.csv").write_text("a,b\n1,2\n3,5\n")
    catch_up(made)
    return made


def records(project: Project) -> list:
    commits = list(project.repository.iter_commits(project.repository.head()))
    found = [commit.message.partition("Trailmark-Record: ")[2].split() for commit in commits]
    return [load(project.repository, words[0]) for words in reversed(found) if words]


def config_of(project: Project, tool: str, folder: Path) -> Config:
    stored = capture_config(
        project,
        session="S",
        tool=tool,
        environment=None,
        environment_path=None,
        base_prefix=None,
        actor="person",
    )
    return Config.load(write_config(folder, stored))


def test_each_expression_becomes_a_record_and_a_commit(project: Project, tmp_path: Path) -> None:
    config = config_of(project, "rstudio", tmp_path)
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    lines = (
        "t <- read.csv('input/a.csv')  # the heights",
        "plot(t)",
        "write.csv(t, 'output/b.csv'); nrow(t)",
        "stop('enough')",
    )
    subprocess.run(
        ["R", "--interactive", "--quiet", "--no-save", "--no-readline"],
        input="\n".join(lines) + "\n",
        env={**environ, **environment_for(config, "rsession", environ)},
        cwd=project.path,
        text=True,
        capture_output=True,
        timeout=60,
        check=True,
    )
    SpoolReader(config).drain()
    catch_up(project)
    found = [stored for stored in records(project) if stored.record.kind == "expression"]
    assert [stored.code for stored in found] == [
        "t <- read.csv('input/a.csv')  # the heights",
        "plot(t)",
        "write.csv(t, 'output/b.csv')",
        "nrow(t)",
        "stop('enough')",
    ]
    assert [stored.record.status for stored in found] == ["ok"] * 4 + ["error"]
    assert {(stored.record.tool, stored.record.language) for stored in found} == {("rstudio", "r")}
    assert "enough" in (found[4].error or "")
    (picture,) = found[1].record.outputs
    assert picture.mime == "image/png"
    if config.shim is not None:
        assert [file.path for file in found[0].record.reads] == ["input/a.csv"]
        (written,) = found[2].record.writes
        assert (written.path, written.held) == ("output/b.csv", True)
        assert found[1].record.writes[0].path == "Rplots.pdf"


def test_a_script_that_is_run_is_one_record(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "code" / "fit.R").write_text("t <- read.csv('input/a.csv')\nprint(t)\nplot(t)\n")
    monkeypatch.setenv("LANG", "C.UTF-8")
    ran = run(
        project,
        ["Rscript", "code/fit.R"],
        uv=None,
        progress=None,
        cwd=project.path,
        actor="person",
        onto=(None, None),
    )
    stored = records(project)[-1]
    assert (ran.code, stored.record.kind, stored.record.source) == (0, "run", "code/fit.R")
    assert [output.mime for output in stored.record.outputs] == ["text/plain", "image/png"]
    assert not any(stored.record.kind == "expression" for stored in records(project))
