"""A program in a container writes what it likes where capture notes; the person's machine stays as it is."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stories.test_container_session import BASE_TEXT, records

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.environments.bases.catalogue import own_folder
from trailmark.progress import NullProgress
from trailmark.projects import captured
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.projects.secrets import set_secret
from trailmark.sessions.leftovers import collect_leftovers
from trailmark.sessions.run import run
from trailmark.settings import Settings
from trailmark.wiring import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
VALUE = "kept-while-it-runs-4711"
HOSTILE = """
import json, os, pathlib, sys, time
config = json.load(open(os.environ["TRAILMARK_CAPTURE"]))
shell, journal, files = (pathlib.Path(config[name]) for name in ("shell", "journal", "files"))
precious = sys.argv[1]
(shell / "aa.r").mkdir()
(shell / "aa.r" / "spans").symlink_to(precious + "/rc")
(shell / "zz.r").symlink_to(precious)
fields = ["", "", "local", "person", precious + "/key", "shim", precious + "/rc"]
mark = b"\\0\\0"
note = b"\\0".join([b"S", *(b"=" + field.encode() for field in fields), b"."])
shell_note = b"\\0".join([b"H", b"=99999999", b"=1", b"=boot", b"=5", b"."])
(shell / "aa.spool").write_bytes(mark + note + mark + mark + shell_note + mark)
os.mkfifo(journal / "0000.journal")
(journal / "0001.journal").symlink_to(precious + "/key")
os.mkfifo(files / "x.log")
for place in (config["project"] + "/.git", os.path.dirname(config["journal"])):
    try:
        (pathlib.Path(place) / "planted").write_text("x")
    except OSError as error:
        print("refused", error.errno)
open(config["project"] + "/ready", "w").close()
for _ in range(600):
    if os.path.exists(config["project"] + "/go"):
        break
    time.sleep(0.05)
print("the value is", "VALUE-OF-IT")
"""


@pytest.fixture
def services(docker: Daemon, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("DOCKER_HOST", docker.address)
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named("docker")
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)


@pytest.fixture
def project(settings: Settings) -> Project:
    project = new_project("hostile", settings)
    text = project.manifest_path.read_text()
    text = text.replace("[environment]\n", 'secrets = ["TOKEN"]\n\n[environment]\nbase = "bookworm"\n')
    project.manifest_path.write_text(text)
    (project.path / "code" / "hostile.py").write_text(HOSTILE.replace("VALUE-OF-IT", VALUE))
    return project


def test_nothing_of_the_machine_is_read_removed_or_written(
    project: Project, services: Services, tmp_path: Path
) -> None:
    for name in ("key", "rc", "letter"):
        (tmp_path / name).write_text(f"precious {name}\n")
    engine = services.engine_named("docker")
    options: dict[str, Any] = {"actor": "person", "cwd": project.path, "managers": services.managers}
    argv = ["python", "code/hostile.py", str(tmp_path)]
    keeper = threading.Thread(target=keep_when_ready, args=(project,))
    keeper.start()
    ran = run(project, argv, services.uv, NullProgress(), engine=engine.containers, **options)
    keeper.join()
    assert ran.code == 0
    collect_leftovers(project, services.engine)
    catch_up(project)
    [record] = records(project, "run")
    assert VALUE not in (record.text or "")
    assert "the value is [secret TOKEN]" in (record.text or "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: f"precious {name}\n" for name in ("key", "rc", "letter")
    }
    assert not (project.path / ".git" / "planted").exists()
    assert not (captured.inside(project.state).folder / "planted").exists()


def keep_when_ready(project: Project) -> None:
    """Keep the value of the secret while the program runs that will show it."""
    deadline = time.monotonic() + 600
    while not (project.path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    set_secret(project, "TOKEN", VALUE)
    (project.path / "go").touch()
