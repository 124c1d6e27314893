"""R inside a container: scripts, a terminal, notebooks and RStudio's way of starting it are recorded as outside.

RStudio Server itself cannot be had here. Its package is a stand-in: a program with the options of `rserver`, whose
sessions are R itself. What starts it, lets a person in and notes what R does is what a real one would get.
"""

import functools
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
import websocket
from tests.containers import BASE
from tests.stories.test_container_session import records
from tests.stories.test_tools import enter

from trailmark import wiring
from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.engines.trust import find_trust
from trailmark.environments.bases.catalogue import own_folder
from trailmark.progress import NullProgress
from trailmark.projects.catch_up import catch_up
from trailmark.projects.environment import current_lock
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.sessions.launch import launch
from trailmark.sessions.notebook_run import run_notebook
from trailmark.sessions.run import run
from trailmark.sessions.session import Session
from trailmark.sessions.stop import stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.needs("dpkg-deb", "openssl")]
PATIENCE = 30.0
SCRIPT = """
t <- read.csv("input/a.csv")
print(t)
plot(t)
message("said")
warning("late")
write.csv(t, "output/b.csv")
stop("enough")
"""
EXPRESSIONS = (
    "t <- read.csv('input/a.csv')  # the heights",
    "nrow(t)",
    "plot(t)",
    "warning('late')",
    "write.csv(t, 'output/b.csv')",
    "stop('enough')",
)
CELLS = (
    "t <- read.csv('../input/a.csv'); nrow(t)",
    "plot(t)",
    "write.csv(t, '../output/b.csv')",
    "stop('enough')",
)
RSERVER = """#!/usr/bin/python3
# Has the options of RStudio's server as far as a launch goes: its socket, and sessions with few variables.
import os, socketserver, subprocess, sys
from http.server import BaseHTTPRequestHandler

options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
assert options["auth-none"] == "1" and options["server-daemonize"] == "0"
assert "provider=sqlite" in open(options["database-config-file"]).read()
os.makedirs(options["server-data-dir"], exist_ok=True)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        said = b"ready"
        if self.path == "/session":
            few = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}
            argv = [options["rsession-path"], "--program-mode", "server"]
            done = subprocess.run(argv, env=few, cwd="/", capture_output=True)
            said = done.stdout + done.stderr
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said)

class Server(socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("local", 0)

Server(options["www-socket"], Handler).serve_forever()
"""
RSESSION = """#!/bin/sh
for word in "$@"; do case $word in --session-default-working-dir=*) cd "${word#*=}" ;; esac; done
R --interactive --quiet --no-save --no-readline <<'END'
%s
END
"""
CONTROL = (
    "Package: rstudio-server\nVersion: 0.0\nArchitecture: all\nMaintainer: Ada\nDescription: A stand-in\n"
)
BASE_TEXT = f"""
id = "bookworm-r"
revision = 1
title = "Bookworm with R"
description = "A small Debian with Python, R and a stand-in for RStudio."
tools = ["jupyterlab", "terminal", "rstudio"]

[image]
local = "{BASE}"

[languages]
python = "3.11"
r = "4.2.2"

[managers.apt]
packages = ["r-base-core", "r-cran-irkernel"]

[[downloads]]
name = "rstudio-server"
kind = "deb"
url = "%s"
sha256 = "%s"
tool = "rstudio"
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the certificate lies of who serves the package."""
    return tmp_path_factory.mktemp("trust") / "stand-in.crt"


@pytest.fixture(scope="module")
def base(docker: Daemon, certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The description of a base whose package of RStudio Server is served by this machine."""
    folder = tmp_path_factory.mktemp("package")
    tree, served = folder / "tree", folder / "served"
    place = "usr/lib/rstudio-server/bin"
    texts = {
        "DEBIAN/control": CONTROL,
        f"{place}/rserver": RSERVER,
        f"{place}/rsession": RSESSION % "\n".join(EXPRESSIONS),
    }
    for name, text in texts.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
    served.mkdir()
    package = served / "rstudio-server.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)], check=True)
    # A build reaches this machine at the gateway of its network.
    [network] = docker.api.inspect_network("bridge")["IPAM"]["Config"]
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    server = http.server.ThreadingHTTPServer((network["Gateway"], 0), handler)
    server.socket = certified(network["Gateway"], certificate).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"https://{network['Gateway']}:{server.server_port}/{package.name}"
    yield BASE_TEXT % (address, hashlib.sha256(package.read_bytes()).hexdigest())
    server.shutdown()
    server.server_close()


def certified(address: str, certificate: Path) -> ssl.SSLContext:
    """Return what a server needs to prove that it has this address; write the certificate that shows it."""
    key = certificate.with_suffix(".key")
    subject = ["-subj", "/CN=Stand-in", "-addext", f"subjectAltName=IP:{address}"]
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*argv, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture(scope="module")
def locked() -> dict[str, bytes]:
    """The files of the lock, which all tests share with its image, once there is one."""
    return {}


@pytest.fixture(scope="module")
def images(docker: Daemon) -> Iterator[set[str]]:
    """The digests of images, which are removed in the end."""
    digests: set[str] = set()
    yield digests
    for digest in digests:
        Images(docker).remove(digest)


@pytest.fixture
def services(settings, base: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # As behind a company's proxy: this machine trusts somebody whom the image does not know.
    trusted = find_trust(os.environ, certificate).certificates
    assert trusted is not None
    (settings.home / "trusted.crt").write_bytes(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(settings.home / "trusted.crt"))
    own_folder(settings.home).mkdir(parents=True)
    (own_folder(settings.home) / "bookworm-r.toml").write_text(base)
    services = wiring.build(os.environ)
    yield services
    engine = services.engine_named("docker")
    for state in engine.list():
        engine.stop(state.id)
        engine.forget(state.id)


@pytest.fixture
def project(settings, services, locked: dict[str, bytes], images: set[str]) -> Iterator[Project]:
    made = new_project("heights", settings)
    text = made.manifest_path.read_text()
    made.manifest_path.write_text(text.replace("[environment]", '[environment]\nbase = "bookworm-r"'))
    (made.path / "input" / "a.csv").write_text("a,b\n1,2\n3,5\n")
    for name, data in locked.items():
        (made.path / name).parent.mkdir(exist_ok=True)
        (made.path / name).write_bytes(data)
    catch_up(made)
    yield made
    lock = current_lock(made)
    if lock is not None:
        images.add(lock.digest)
        found = (path for path in (made.path / "environment").rglob("*") if path.is_file())
        locked.update({str(path.relative_to(made.path)): path.read_bytes() for path in found})


@pytest.fixture
def start(services, project: Project) -> Callable[[str], Session]:
    def launched(tool: str) -> Session:
        engine = services.engine_named("docker")
        return launch(project, engine, services.uv, NullProgress(), tool=tool, managers=services.managers)

    return launched


def wait_for(project: Project, kind: str, count: int) -> list[Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = records(project, kind)
        if len(found) >= count:
            return found
        time.sleep(0.3)
    raise AssertionError(f"there are {len(found)} records of the kind {kind}: {[one.code for one in found]}")


def check_expressions(found: list[Any], tool: str) -> None:
    """Check the records of EXPRESSIONS: their code, output, figure, warning, error and files."""
    assert [stored.code for stored in found] == list(EXPRESSIONS)
    assert [stored.record.status for stored in found] == ["ok"] * 5 + ["error"]
    facts = {(stored.record.tool, stored.record.language, stored.record.engine) for stored in found}
    assert facts == {(tool, "r", "docker")}
    assert "[1] 2" in (found[1].text or "")
    assert "image/png" in [output.mime for output in found[2].record.outputs]
    assert "late" in (found[3].text or "")
    assert "enough" in (found[5].error or "")
    assert [file.path for file in found[0].record.reads] == ["input/a.csv"]
    assert [file.path for file in found[4].record.writes] == ["output/b.csv"]


def test_a_script(services, project: Project) -> None:
    (project.path / "code" / "fit.R").write_text(SCRIPT)
    ran = run(
        project,
        ["Rscript", "code/fit.R"],
        services.uv,
        NullProgress(),
        cwd=project.path,
        actor="person",
        engine=services.containers_named("docker"),
        managers=services.managers,
        onto=(None, None),
    )
    stored = records(project, "run")[-1]
    record = stored.record
    assert (ran.code, record.status, record.source, record.engine) == (1, "error", "code/fit.R", "docker")
    assert [output.mime for output in record.outputs] == ["text/plain", "text/plain", "image/png"]
    for word in ("said", "late", "enough"):
        assert word in stored.text
    assert {file.path for file in record.reads} == {"code/fit.R", "input/a.csv"}
    assert {file.path for file in record.writes} == {"output/b.csv", "Rplots.pdf"}


def test_a_terminal(services, project: Project, start) -> None:
    session = start("terminal")
    headers = {"Authorization": f"token {session.token}"}
    made = httpx.post(f"{session.base_url}api/terminals", headers=headers, trust_env=False).json()["name"]
    address = f"{session.base_url.replace('http', 'ws')}terminals/websocket/{made}"
    channel = websocket.create_connection(
        address, header=[f"Authorization: token {session.token}"], timeout=20, http_no_proxy=["127.0.0.1"]
    )

    def type_in(text: str, until: str) -> None:
        channel.send(json.dumps(["stdin", text]))
        seen = ""
        while until not in seen:
            kind, *words = json.loads(channel.recv())
            seen += words[0] if kind == "stdout" else ""

    type_in("", "$ " if os.getuid() else "# ")
    type_in("R --quiet --no-save\r", "> ")
    for expression in EXPRESSIONS:
        type_in(expression + "\r", "> ")
    type_in("q()\r", "133;D;0")
    channel.close()
    stop(project, services.engine)
    *found, left = wait_for(project, "expression", len(EXPRESSIONS) + 1)
    check_expressions(found, "terminal")
    assert left.code == "q()"
    assert [stored.code for stored in records(project, "command")] == ["R --quiet --no-save"]


def test_a_notebook(services, project: Project, start) -> None:
    path = "code/r.ipynb"
    cells = [nbformat.v4.new_code_cell(code, id=f"r{number}") for number, code in enumerate(CELLS)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project.path / path)
    session = start("jupyterlab")
    ran = run_notebook(replace(session, kernel="ir"), path, NullProgress())
    assert ran.error is not None
    assert "enough" in ran.error
    stop(project, services.engine)
    found = wait_for(project, "cell", len(CELLS))
    assert [stored.code for stored in found] == list(CELLS)
    assert [stored.record.status for stored in found] == ["ok", "ok", "ok", "error"]
    assert {(stored.record.language, stored.record.engine) for stored in found} == {("R", "docker")}
    assert [file.path for file in found[0].record.reads] == ["input/a.csv"]
    assert "image/png" in [output.mime for output in found[1].record.outputs]
    assert [file.path for file in found[2].record.writes] == ["output/b.csv"]


def test_rstudio_as_its_server_is_started(services, project: Project, start) -> None:
    session = start("rstudio")
    assert httpx.get(session.base_url, trust_env=False).status_code == 403
    client = enter(session.url)
    assert client.get("/unsupported_browser.htm").text == "ready"
    said = client.get("/session", timeout=30).text
    assert "[1] 2" in said
    found = wait_for(project, "expression", len(EXPRESSIONS))
    stop(project, services.engine)
    check_expressions(found, "rstudio")
