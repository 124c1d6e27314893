"""A secret file in Docker and in podman: where the project says, for its programs to read, and nowhere else."""

import json
import os
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from tests.stories.test_container_session import BASE_TEXT, records

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.environments.bases.catalogue import own_folder
from trailmark.progress import NullProgress
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.projects.secret_files import files_path, keep_secret_file, name_secret_file
from trailmark.sessions.launch import launch
from trailmark.sessions.notebook_run import run_notebook
from trailmark.sessions.run import run
from trailmark.sessions.stop import stop
from trailmark.settings import Settings
from trailmark.wiring import Services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TOKEN = "tok3n9f8e7d6c5b4a3f2e1d0c"
CONTENT = f'{{"key": "{TOKEN}"}}\n'
NOTEBOOK = "code/a.ipynb"
# One place below the home of the session, and one in a folder that is made for each session.
PLACES = {"CDS_FILE": "~/.config/cds/key.json", "TEAM_FILE": "/run/secrets/team.json"}
READ = """
import os
for name in ("CDS_FILE", "TEAM_FILE"):
    path = os.environ[name]
    print(name, path.startswith(os.environ["HOME"]), len(open(path).read()), open(path).read().strip())
    try:
        open(path, "a")
    except OSError as error:
        print("refused", name)
"""


@pytest.fixture(params=["docker", "podman"])
def services(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    daemon: Daemon = request.getfixturevalue(request.param)
    monkeypatch.setenv("DOCKER_HOST", daemon.address)
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named(request.param)
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)


@pytest.fixture
def project(settings: Settings) -> Project:
    project = new_project("secretive", settings)
    text = project.manifest_path.read_text()
    project.manifest_path.write_text(text.replace("[environment]\n", '[environment]\nbase = "bookworm"\n'))
    for name, place in PLACES.items():
        name_secret_file(project, name, place)
        keep_secret_file(project, name, CONTENT.encode())
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(READ)])
    nbformat.write(notebook, project.path / NOTEBOOK)
    (project.path / "code" / "read.py").write_text(READ)
    return project


def test_programs_read_it_and_nothing_keeps_it(
    project: Project, services: Services, request: pytest.FixtureRequest, capfd: Any
) -> None:
    kind = request.node.callspec.params["services"]
    engine = services.engine_named(kind)
    session = launch(project, engine, services.uv, NullProgress(), managers=services.managers)
    facts = json.dumps(engine.containers.daemon.api.inspect_container(engine.containers._name(session.id)))
    assert run_notebook(session, NOTEBOOK, NullProgress()).error is None
    options: dict[str, Any] = {"actor": "person", "cwd": project.path, "managers": services.managers}
    ran = run(
        project, ["python", "code/read.py"], services.uv, NullProgress(), engine=engine.containers, **options
    )
    assert ran.code == 0
    stop(project, services.engine)
    heard = capfd.readouterr().out
    assert heard.count(TOKEN) == 2
    for kept in (records(project)[-1].text, records(project, "run")[-1].text):
        lines = [line for line in kept.splitlines() if line.strip()]
        shown = [line.split()[:3] for line in lines if line.startswith(tuple(PLACES))]
        assert shown == [["CDS_FILE", "True", str(len(CONTENT))], ["TEAM_FILE", "False", str(len(CONTENT))]]
        assert sorted(line for line in lines if line.startswith("refused")) == [
            f"refused {name}" for name in PLACES
        ]
        assert TOKEN not in kept
    assert TOKEN not in facts
    assert not any(TOKEN in path.read_text(errors="replace") for path in _files(project))
    for name in PLACES:
        assert (files_path(project) / name).read_text() == CONTENT


def _files(project: Project) -> list[Any]:
    return [path for path in project.path.rglob("*") if path.is_file() and ".git" not in path.parts]
