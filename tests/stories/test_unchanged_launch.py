"""An environment that has not changed is launched as it is: nothing is resolved, made or built, wherever it runs."""

import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark import wiring
from trailmark.engines import Engine
from trailmark.engines.daemon import Daemon
from trailmark.environments.bases.catalogue import own_folder
from trailmark.environments.uv import Uv
from trailmark.progress import NullProgress
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.projects.snippets import set_snippet
from trailmark.sessions.launch import launch
from trailmark.sessions.run import run
from trailmark.sessions.stop import stop
from trailmark.settings import Settings
from trailmark.wiring import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
[image]
local = "{BASE}"
[languages]
python = "3.11"
"""
NOTHING_MADE = ["Bringing the trail up to date", "Starting JupyterLab", "Ready"]
MAKING = ("/build", "/commit", "/images/create", "/images/load")


class Steps(NullProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    def step(self, message: str, fraction: float | None = None) -> None:
        self.steps.append(message)

    def log(self, line: str) -> None:
        self.lines.append(line)


class NotedUv:
    """The real uv behind a script that notes each call."""

    def __init__(self, real: Uv, folder: Path) -> None:
        self._notes = folder / "calls"
        script = folder / "uv"
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {self._notes}\nexec {real.program} "$@"\n')
        script.chmod(0o755)
        self.uv = Uv(str(script), real.environ)

    def take(self) -> list[str]:
        """Return the calls since the last time."""
        calls = self._notes.read_text().splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return calls


@pytest.fixture
def noted(settings: Settings, tmp_path: Path) -> NotedUv:
    return NotedUv(wiring.build(os.environ).uv, tmp_path)


@pytest.fixture
def services(settings: Settings, noted: NotedUv) -> Services:
    return replace(wiring.build(os.environ), uv=noted.uv)


def launched(project: Project, services: Services, engine: Engine) -> Steps:
    """Launch and end a session; return what was told meanwhile."""
    told = Steps()
    launch(project, engine, services.uv, told, managers=services.managers)
    stop(project, services.engine)
    return told


def test_on_this_machine(settings: Settings, services: Services, noted: NotedUv) -> None:
    project = new_project("field", settings)
    first = launched(project, services, services.engine_named("local"))
    assert [call.split()[0] for call in noted.take() if call.startswith(("lock", "venv", "pip sync"))] == [
        "lock", "venv", "pip",
    ]  # fmt: skip
    assert any(step.startswith("Installing") for step in first.steps)
    made = snapshot(settings.home / "environments")
    again = launched(project, services, services.engine_named("local"))
    assert noted.take() == []
    assert (again.steps, again.lines) == (NOTHING_MADE, [])
    told = Steps()
    assert run(project, ["true"], services.uv, told, actor="person", cwd=project.path).code == 0
    assert noted.take() == []
    assert (told.steps, told.lines) == ([], [])
    assert snapshot(settings.home / "environments") == made


def snapshot(folder: Path) -> dict[Path, int]:
    """Return when each file was changed, but for what Python itself writes when it runs."""
    return {
        path: path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_in_a_container(settings: Settings, services: Services, noted: NotedUv, docker: Daemon) -> None:
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    project = new_project("field", settings)
    text = project.manifest_path.read_text()
    project.manifest_path.write_text(text.replace("[environment]", '[environment]\nbase = "bookworm"'))
    # An environment of its own, whatever other images this engine has.
    set_snippet(project, "10-own", f"RUN : {uuid.uuid4()}", services.means, NullProgress())
    engine = services.containers_named("docker")
    assert engine is not None
    asked: list[str] = []
    engine.daemon.api.hooks["response"].append(
        lambda answer, **_: asked.append(
            f"{answer.request.method} {answer.request.path_url.partition('?')[0]}"
        )
    )
    lock = current_lock(project)
    assert lock is not None
    try:
        # What is built in a container is built with the uv that is given, which must be a whole program.
        first = launched(project, replace(services, uv=wiring.build(os.environ).uv), engine)
        assert builds(asked) != []
        assert any(step.startswith("Building") for step in first.steps)
        image = engine.images.find(lock.digest)
        asked.clear()
        noted.take()
        again = launched(project, services, engine)
        assert builds(asked) == []
        assert noted.take() == []
        assert (again.steps, again.lines) == (NOTHING_MADE, [])
        assert [one for one in asked if one.endswith("/containers/create")] != []
        assert engine.images.find(lock.digest) == image
    finally:
        engine.images.remove(lock.digest)


def builds(asked: list[str]) -> list[str]:
    """Return what was asked of the engine that makes an image."""
    return [one for one in asked if one.startswith("POST") and one.endswith(MAKING)]
