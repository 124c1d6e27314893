"""The same notebook on this machine and inside Docker gives the same records."""

import json
import os
import secrets
import socket
import time
import urllib.request
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from tests.containers import BASE

import trailmark_capture
from trailmark import wiring
from trailmark.activity.store import load, trailers_of
from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Images
from trailmark.engines.inside import run_inside
from trailmark.engines.model import Mount
from trailmark.engines.recipe import Layer, Recipe
from trailmark.engines.trust import find_trust
from trailmark.progress import NullProgress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.projects.secrets import secrets_path
from trailmark.sessions.container import Inside, contain
from trailmark.sessions.launch import launch
from trailmark.sessions.notebook_run import run_notebook
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark.sessions.stop import stop
from trailmark.engines.tool_layer import tool_layer
from trailmark_capture.journal import new_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DIGEST = "c" * 64
NOTEBOOK = "code/analysis.ipynb"
CELLS = (
    "import csv, os, subprocess\nprint('rows:', sum(1 for _ in open('../input/data.csv')))",
    "open('../output/sum.txt', 'w').write('42')\n6 * 7",
    "subprocess.run(['cp', '../input/data.csv', '../output/copy.csv'], check=True); os.environ['WORD']",
    "from IPython.display import HTML; display(HTML('<b>x</b>'))",
    "1 / 0",
)
INSIDE_CELLS = (
    "import os, pathlib\n"
    "root = pathlib.Path('..').resolve()\n"
    "print(sorted(os.listdir(root / '.git')))\n"
    "print(os.path.exists('/var/run/docker.sock'), os.getuid())\n"
    "print([line for line in open('/proc/self/status') if line.startswith(('CapEff', 'NoNewPrivs'))])\n"
    "for path in (root / '.git' / 'x', '/usr/x', os.environ['HOME'] + '/../capture.json'):\n"
    "    try:\n"
    "        open(path, 'w')\n"
    "    except OSError as error:\n"
    "        print('refused', path)"
)


@pytest.fixture(scope="module")
def image(docker: Daemon) -> str:
    """The base with the tool layer, and an environment for the kernel beside it."""
    program = Path(wiring.find_uv(os.environ).program).read_bytes()
    kernel = Layer(
        "python",
        (
            "export UV_LINK_MODE=copy",
            "uv venv --quiet --no-config /opt/python",
            "uv pip install --quiet --no-config --compile-bytecode --python /opt/python/bin/python ipykernel",
        ),
        caches=("/root/.cache/uv",),
        needs=("uv",),
    )
    images = Images(docker)
    images.remove(DIGEST)
    recipe = Recipe(BASE, (tool_layer(), kernel))
    trust = find_trust(os.environ)
    built = images.build(recipe, DIGEST, NullProgress(), trust=trust, programs={"uv": program})
    return built.reference


def make_project(name: str, settings):
    project = new_project(name, settings)
    (project.path / "input" / "data.csv").write_text("a,b\n1,2\n3,4\n")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code, id=f"c{n}") for n, code in enumerate(CELLS)]
    )
    nbformat.write(notebook, project.path / NOTEBOOK)
    project.manifest_path.write_text(f'secrets = ["WORD"]\n{project.manifest_path.read_text()}')
    secrets_path(project).parent.mkdir(exist_ok=True)
    secrets_path(project).write_text(json.dumps({"WORD": "s3cr3t-value-42"}))
    catch_up(project)
    return project


def start_inside(project, engine: DockerEngine, image: str) -> Session:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    session = Session(
        id=new_id(),
        project=str(project.path),
        tool="jupyterlab",
        engine=engine.name,
        environment=DIGEST,
        port=port,
        token=secrets.token_urlsafe(24),
        kernel="python3",
        started=time.time(),
        state=project.state.name,
    )
    folder_of(project.settings, session.id).mkdir(parents=True, mode=0o700)
    inside = Inside(engine.name, image, DIGEST, Path("/opt/python/bin/python"), engine.listen_address)
    inside = replace(inside, trust=find_trust(os.environ))
    spec = contain(project, session, inside, environ=os.environ, actor="person")
    write_session(project.settings, session)
    engine.submit(spec)
    request = urllib.request.Request(
        session.base_url + "api/status", headers={"Authorization": f"token {session.token}"}
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(request, timeout=5) as answer:
            if answer.status == 200:
                return session
        state = engine.inspect(session.id)
        assert state is not None
        assert state.is_live, engine.logs(session.id)
        time.sleep(0.05)
    raise AssertionError(engine.logs(session.id))


def records(project):
    repository = open_project(project.path, project.settings).repository
    found = []
    for commit in repository.iter_commits(repository.head()):
        facts = trailers_of(commit.message)
        if facts.get("kind") == "cell":
            found.append(load(repository, facts["record"]))
    return found[::-1]


def what_counts(stored):
    record = stored.record
    files = [
        sorted((file.path, file.digest, file.external) for file in some)
        for some in (record.reads, record.writes)
    ]
    outputs = [
        (one.mime, one.name, one.digest if one.mime != "text/plain" or one.name else None)
        for one in record.outputs
    ]
    return (
        stored.code,
        record.status,
        record.kind,
        record.source,
        files,
        outputs,
        stored.text,
        record.files_by,
    )


@pytest.fixture
def engine(docker: Daemon, settings):
    engine = DockerEngine(settings.home, docker, grace_seconds=3)
    yield engine
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)


def test_a_notebook_gives_the_same_records_inside_and_outside(settings, engine, image):
    services = wiring.build(os.environ)
    outside = make_project("outside", settings)
    session = launch(outside, services.engine, services.uv, NullProgress())
    run_notebook(session, NOTEBOOK, NullProgress())
    stop(outside, services.engine)

    inside = make_project("inside", settings)
    session = start_inside(inside, engine, image)
    run_notebook(session, NOTEBOOK, NullProgress())
    stop(inside, engine)
    catch_up(inside)

    ours, theirs = records(inside), records(outside)
    assert len(ours) == len(CELLS)
    assert [what_counts(one) for one in ours] == [what_counts(one) for one in theirs]
    assert {one.record.engine for one in ours} == {"docker"}
    assert {one.record.environment for one in ours} == {DIGEST}
    assert "s3cr3t" not in ours[2].text


def test_a_session_inside_sees_neither_git_nor_engine_and_has_no_privilege(settings, engine, image, docker):
    project = make_project("held", settings)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(INSIDE_CELLS, id="c0")])
    nbformat.write(notebook, project.path / NOTEBOOK)
    session = start_inside(project, engine, image)
    assert run_notebook(session, NOTEBOOK, NullProgress()).error is None
    facts = docker.api.inspect_container(engine._name(session.id))
    stop(project, engine)
    catch_up(project)
    said = records(project)[-1].text.splitlines()
    assert said[0] == "[]"
    assert said[1] == f"False {os.getuid()}"
    assert "CapEff:\\t0000000000000000" in said[2]
    assert "NoNewPrivs:\\t1" in said[2]
    assert [line.split()[0] for line in said[3:]] == ["refused"] * 3, said
    assert session.token not in json.dumps(facts)
    assert "s3cr3t" not in json.dumps(facts)
    ports = facts["HostConfig"]["PortBindings"] or {}
    assert {one["HostIp"] for bindings in ports.values() for one in bindings} <= {"127.0.0.1"}


def test_the_shim_works_in_the_image(docker, image, tmp_path):
    package = Path(trailmark_capture.__file__).parent
    code = "from trailmark_capture.files import find_shim; print(find_shim())"
    done = run_inside(
        docker,
        image,
        ["/usr/bin/env", "PYTHONPATH=/opt/capture", "/opt/trailmark/bin/python", "-c", code],
        mounts=[Mount(package, Path("/opt/capture/trailmark_capture"), True)],
    )
    assert done.stdout.strip().endswith(".so"), done
