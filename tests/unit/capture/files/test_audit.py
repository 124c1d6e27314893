import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from trailmark_capture import files
from trailmark_capture.config import Config
from trailmark_capture.files import tracing
from trailmark_capture.files.log import Access, accesses

OPERATIONS = """
import os, pathlib, shutil, sqlite3, tempfile
open("in.csv").read()
open("out.csv", "w").write("1")
pathlib.Path("out.csv").write_text("2")
open(b"log.txt", "ab").write(b"1")
open("both.txt", "r+").read()
os.close(os.open("raw", os.O_CREAT | os.O_WRONLY))
os.rename("raw", "raw2")
os.replace("raw2", "out.csv")
shutil.copy("in.csv", "copy.csv")
shutil.move("copy.csv", "moved.csv")
os.remove("moved.csv")
os.rename("folder", "renamed")
sqlite3.connect("s.db").execute("create table t(a)")
os.link("in.csv", "hard")
os.symlink("in.csv", "soft")
os.truncate("log.txt", 0)
with tempfile.NamedTemporaryFile(dir=".", prefix="tmp") as stream: pass
for failing in (lambda: open("absent"), lambda: os.remove("absent"), lambda: open("in.csv", "x"),
                lambda: open("no/folder", "w"), lambda: os.rename("absent", "x"), lambda: open("folder")):
    try: failing()
    except OSError: pass
open("tab\\tline\\n", "w").close()
open("soft").read()
open("/proc/self/stat").read()
os.close(os.open(".", os.O_RDONLY))
"""
NOTED = [
    *("r in.csv", "c out.csv", "w out.csv", "a log.txt", "rw both.txt", "c raw", "m raw raw2", "d out.csv"),
    *("m raw2 out.csv", "r in.csv", "c copy.csv", "m copy.csv moved.csv", "d moved.csv", "md folder renamed"),
    *("c s.db", "r in.csv", "c hard", "c soft", "w log.txt", "c tmp", "d tmp", "c tab\tline\n", "r in.csv"),
]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A session on a machine where no shim can be loaded."""
    own = {name: tmp_path / name for name in ("journal", "files", "shell")}
    return Config(project=tmp_path / "project", exclude=(sys.prefix, sys.base_prefix), **own)


@pytest.fixture
def project(config: Config) -> Path:
    config.project.mkdir()
    config.files.mkdir()
    for name in ("in.csv", "log.txt", "both.txt"):
        (config.project / name).write_text("1")
    (config.project / "folder").mkdir()
    return config.project.resolve()


def run(config: Config, argv: list[str], **more: str) -> list[Access]:
    log = config.files / "log"
    environ = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"} | more
    found = tracing(config, log, environ)
    assert found.by == "audit"
    done = subprocess.run(
        argv, cwd=config.project, env={**environ, **found.environment}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return accesses(log, 0, 0, 1e12)[0]


def shown(found: list[Access], project: Path) -> list[str]:
    names = []
    for access in found:
        if access.path.startswith(f"{project}/"):
            path = os.path.relpath(access.path, project)
            path = "tmp" if path.startswith("tmp") else path
            names.append(
                " ".join(filter(None, (access.op, path, access.to and os.path.relpath(access.to, project))))
            )
    return names


def test_python_notes_its_files(config: Config, project: Path) -> None:
    assert shown(run(config, [sys.executable, "-c", OPERATIONS]), project) == NOTED


def test_the_oldest_python_does_too(config: Config, project: Path) -> None:
    python = shutil.which("python3.8")
    if python is None or subprocess.run([python, "-c", "import sqlite3"], capture_output=True).returncode:
        pytest.skip("not installed: python3.8")
    noted = shown(run(config, [python, "-c", OPERATIONS]), project)
    assert set(NOTED[:6]) <= set(noted)


def test_children_note_theirs(config: Config, project: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', \"open('in.csv')\"], check=True)"
    assert shown(run(config, [sys.executable, "-c", code]), project) == ["r in.csv"]


def test_the_programs_own_startup_is_kept(config: Config, project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins; builtins.mark = 'own'")
    code = (
        "import sys; assert mark == 'own'; assert not any('trailmark_capture' in path for path in sys.path)"
    )
    run(config, [sys.executable, "-c", code], PYTHONPATH=str(own))
    code = "open('in.csv')"
    assert shown(run(config, [sys.executable, "-c", code]), project) == ["r in.csv"]


def test_a_log_that_cannot_be_written_does_no_harm(config: Config, project: Path) -> None:
    config.files.rmdir()
    assert run(config, [sys.executable, "-c", textwrap.dedent(OPERATIONS)]) == []


def test_the_shim_is_chosen_where_there_is_one(config: Config, tmp_path: Path) -> None:
    shim = Config(
        **{
            **{name: getattr(config, name) for name in ("project", "journal", "files", "shell")},
            "shim": tmp_path / "shim.so",
            "exclude": ("/env", "/a:b", "/"),
        }
    )
    found = tracing(shim, tmp_path / "log", {"LD_PRELOAD": "/other.so"})
    assert found.by == "shim"
    assert found.environment["LD_PRELOAD"] == f"{tmp_path}/shim.so:/other.so"
    assert found.environment[files.LOG_VARIABLE] == f"{tmp_path}/log"
    excluded = found.environment[files.EXCLUDE_VARIABLE].split(":")
    assert {"/env", str(config.files), str(config.journal)} <= set(excluded)
    assert "/" not in excluded
    again: Any = tracing(shim, tmp_path / "log", found.environment)
    assert again.environment["LD_PRELOAD"] == found.environment["LD_PRELOAD"]
