"""The same notebook on this machine and inside Docker gives the same records."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from tests.containers import BASE

import trailmark_capture
from trailmark import wiring
from trailmark.activity.store import load, trailers_of
from trailmark.engines.daemon import Daemon
from trailmark.engines.model import Mount
from trailmark.engines.tool_layer import tool_layer
from trailmark.engines.trust import find_trust
from trailmark.environments.bases.catalogue import own_folder
from trailmark.environments.bases.read import parse_base
from trailmark.environments.model import parse_lock
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import STEPS_LABEL, recipe_of
from trailmark.progress import NullProgress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.image import build_image
from trailmark.projects.new import new_project
from trailmark.projects.project import open_project
from trailmark.projects.secrets import secrets_path
from trailmark.sessions.launch import find_running, launch
from trailmark.sessions.notebook_run import run_notebook
from trailmark.sessions.run import run
from trailmark.sessions.stop import stop
from trailmark.testing.inside import run_inside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SECRET = "s3cr3t-value-42"
NOTEBOOK = "code/analysis.ipynb"
CELLS = (
    "import csv, os, subprocess\nprint('rows:', sum(1 for _ in open('../input/data.csv')))",
    "open('../output/sum.txt', 'w').write('42')\n6 * 7",
    "subprocess.run(['cp', '../input/data.csv', '../output/copy.csv'], check=True); os.environ['WORD']",
    "from IPython.display import HTML; display(HTML('<b>x</b>'))",
    "import logging, sys\nprint('told', file=sys.stderr); logging.warning('beware')",
    "!tr a-z A-Z < ../input/data.csv | tee ../output/upper.csv",
    "%%writefile ../output/note.txt\nwritten by a magic",
    "import sqlite3\nit = sqlite3.connect('../output/rows.sqlite')\nit.execute('create table t (x)')\nit.close()",
    "os.replace('../input/old.txt', '../output/moved.txt'); os.remove('../input/gone.txt')",
    "import os, time\nfor n in range(3):\n    print(n)\n    display(n * n)",
    "open('/etc/hostname').read() and None",
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
    "        print('refused', path)",
)
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
description = "A small Debian with Python."

[image]
local = "{BASE}"

[languages]
python = "3.11"
"""


class Steps(NullProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, message: str, fraction: float | None = None) -> None:
        self.told.append(message)


@pytest.fixture
def services(settings, docker: Daemon):
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm.toml").write_text(BASE_TEXT)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named("docker")
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)


def make_project(name: str, settings, cells=CELLS):
    project = new_project(name, settings)
    (project.path / "input" / "data.csv").write_text("a,b\n1,2\n3,4\n")
    cells = [nbformat.v4.new_code_cell(code, id=f"c{number}") for number, code in enumerate(cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project.path / NOTEBOOK)
    manifest = project.manifest_path.read_text().replace("[environment]", '[environment]\nbase = "bookworm"')
    project.manifest_path.write_text(f'secrets = ["WORD"]\n{manifest}')
    assert project.manifest().base == "bookworm"
    secrets_path(project).parent.mkdir(exist_ok=True)
    secrets_path(project).write_text(json.dumps({"WORD": SECRET}))
    catch_up(project)
    return project


def records(project, kind="cell"):
    repository = open_project(project.path, project.settings).repository
    found = []
    for commit in repository.iter_commits(repository.head()):
        facts = trailers_of(commit.message)
        if facts.get("kind") == kind:
            found.append(load(repository, facts["record"]))
    return found[::-1]


def what_counts(stored):
    """All of a record but its engine, session, times, and its own id; its outputs and files are in it by digest."""
    record = replace(stored.record, id="", engine=None, session=None, started=0.0, seconds=0.0)
    return json.loads(record.to_json()), stored.code, stored.text, stored.error


def test_a_notebook_gives_the_same_records_inside_and_outside(settings, services):
    project = make_project("same", settings)
    told = []
    for engine in ("local", "docker"):
        shutil.rmtree(project.path / "output")
        (project.path / "output").mkdir()
        for name in ("old", "gone"):
            (project.path / "input" / f"{name}.txt").write_text(name)
        catch_up(project)
        chosen = services.engine_named(engine)
        session = launch(project, chosen, services.uv, NullProgress(), managers=services.managers)
        assert session.engine == engine
        assert run_notebook(session, NOTEBOOK, NullProgress()).cells == len(CELLS)
        stop(project, services.engine)
        assert find_running(project, chosen, "jupyterlab") is None
        told.append(records(project)[-len(CELLS) :])
    outside, inside = told
    assert len(inside) == len(outside) == len(CELLS)
    assert [one.code for one in inside] == list(CELLS)
    for one, other in zip(inside, outside, strict=True):
        assert what_counts(one) == what_counts(other)
    assert [{one.record.engine for one in ones} for ones in told] == [{"local"}, {"docker"}]
    assert SECRET not in inside[2].text


def test_a_session_inside_sees_neither_git_nor_engine_and_has_no_privilege(settings, services, docker):
    project = make_project("held", settings, INSIDE_CELLS)
    engine = services.engine_named("docker")
    session = launch(project, engine, services.uv, NullProgress(), managers=services.managers)
    again = Steps()
    assert launch(project, engine, services.uv, again, managers=services.managers) == session
    assert again.told == []
    assert run_notebook(session, NOTEBOOK, NullProgress()).error is None
    facts = docker.api.inspect_container(engine.chosen._name(session.id))
    stop(project, services.engine)
    said = records(project)[-1].text.splitlines()
    assert said[0] == "[]"
    assert said[1] == f"False {os.getuid()}"
    assert "CapEff:\\t0000000000000000" in said[2]
    assert "NoNewPrivs:\\t1" in said[2]
    assert [line.split()[0] for line in said[3:]] == ["refused"] * 3, said
    assert session.token not in json.dumps(facts)
    assert SECRET not in json.dumps(facts)
    ports = facts["HostConfig"]["PortBindings"] or {}
    assert {one["HostIp"] for bindings in ports.values() for one in bindings} <= {"127.0.0.1", "::1"}
    assert engine.list() == []


def test_a_command_runs_inside_and_is_recorded(settings, services, capfd):
    project = make_project("ran", settings)
    script = (
        "cp input/data.csv output/copy.csv; python -c 'import sys; print(sys.prefix)'; echo bad >&2; exit 3"
    )
    options = {"actor": "person", "cwd": project.path, "managers": services.managers}
    engine = services.containers_named("docker")
    began = time.monotonic()
    ran = run(project, ["sh", "-c", script], services.uv, NullProgress(), engine=engine, **options)
    assert ran.code == 3
    heard = capfd.readouterr()
    assert (heard.out.strip(), heard.err.strip()) == ("/opt/python", "bad")
    stored = records(project, "run")[-1]
    assert (stored.record.engine, stored.record.exit_code, stored.record.status) == ("docker", 3, "error")
    assert [file.path for file in stored.record.reads] == ["input/data.csv"]
    assert [file.path for file in stored.record.writes] == ["output/copy.csv"]
    assert time.monotonic() - began < 300
    assert engine.list() == []


def test_an_image_that_was_made_in_steps_equals_one_that_was_made_at_once(services, docker):
    engine = services.containers_named("docker")
    trust, files = find_trust(os.environ), []
    locks = [lock_of(services, f"six=={version}") for version in ("1.16.0", "1.17.0")]
    recipes = [recipe_of(lock, {}, tool_layer()) for lock in locks]
    try:
        for lock, recipe in zip(locks, recipes, strict=True):
            made = build_image(engine, recipe, lock.digest, services.means, NullProgress(), trust=trust)
        assert made.labels[STEPS_LABEL] == "1"
        programs = {"uv": Path(services.uv.program).read_bytes()}
        full = engine.images.build(
            recipes[1], "f" * 64, NullProgress(), trust=trust, programs=programs, origin="proof"
        )
        for image in (made, full):
            listing = "cd /opt/python && find . -type f ! -name '*.pyc' -exec sha256sum {} + | sort"
            files.append(run_inside(docker, image.reference, ["/bin/sh", "-c", listing]).stdout.splitlines())
    finally:
        for digest in (*(lock.digest for lock in locks), "f" * 64):
            engine.images.remove(digest)
            engine.images.remove(digest, "proof")
    assert any("six.py" in line for line in files[0])
    assert files[0] == files[1]


def lock_of(services, *asked: str) -> WholeLock:
    command = ["pip", "compile", "-", "--format", "pylock.toml", "--python-version", "3.11", "--quiet"]
    text = services.uv.run(command, input="\n".join(asked)).require("uv").stdout
    return WholeLock(parse_lock(text, ">=3.11"), ">=3.11", base=parse_base(BASE_TEXT, "bookworm"))


def test_the_shim_works_in_the_base(docker, tmp_path):
    package = Path(trailmark_capture.__file__).parent
    code = "from trailmark_capture.files import find_shim; print(find_shim())"
    done = run_inside(
        docker,
        BASE,
        ["/usr/bin/env", "PYTHONPATH=/opt/capture", "/usr/bin/python3", "-c", code],
        mounts=[Mount(package, Path("/opt/capture/trailmark_capture"), True)],
    )
    assert done.stdout.strip().endswith(".so"), done
