"""An image is proved by a rebuild without caches; each difference that is planted in it or its lock is named."""

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.containers import BASE

from trailmark.cli import program
from trailmark.engines.contents import read_contents
from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.testing.apt_repositories import write_deb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
[image]
local = "{BASE}"
[languages]
python = "3.11"
[managers.pip]
packages = ["six"]
[managers.apt]
packages = ["tree"]
"""
NO_DIGEST = "sha256:" + "1" * 64
ALTER = "echo x = 1 >> /opt/python/lib/python3.11/site-packages/six.py; echo mine > /opt/hello; dpkg -i /tmp/own.deb"
CHANGED = "changed since it was recorded"


@dataclass
class Trail:
    """The command line on a project that starts from an image which was built here."""

    home: Path
    capfd: pytest.CaptureFixture[str]
    digests: set[str] = field(default_factory=set)

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        self.capfd.readouterr()
        code = program.run([*arguments, "--json"], os.environ, self.home)
        said = self.capfd.readouterr()
        assert said.out, said.err
        value = json.loads(said.out)
        self.digests.add(value.get("digest") or "")
        return code, value

    def verify(self) -> tuple[int, dict[str, dict[str, str | None]]]:
        """Return the exit code, and the differences by what they are about."""
        code, proof = self("-C", "field", "env", "verify", "--engine", "docker")
        assert proof["ok"] == (code == 0)
        found = {one.pop("what"): one for one in proof["differences"]}
        assert len(found) == len(proof["differences"])
        return code, found

    def held(self, name: str) -> Path:
        """Return a file that holds a part of the lock."""
        return self.home / "projects" / "ada" / "field" / "environment" / name


class Registry:
    """A registry of images on this machine, and a Docker that pushes to it. `name` is what bases are called there."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.name = f"{address}/{BASE}"
        settings = folder / "registry.yml"
        storage = {"filesystem": {"rootdirectory": str(folder / "registry")}}
        settings.write_text(json.dumps({"version": "0.1", "storage": storage, "http": {"addr": address}}))
        with (folder / "registry.log").open("wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", settings], stdout=log, stderr=log)
        wait_for(address)
        self._pushed: list[str] = []

    def push(self, line: str) -> str:
        """Make a base of one more line, and return its digest in the registry."""
        tag = f"{self.name}:{len(self._pushed)}"
        self._pushed.append(tag)
        recipe = f"FROM {BASE}\n{line}\n"
        argv = ["docker", "build", "--quiet", "--tag", tag, "-"]
        subprocess.run(argv, input=recipe, text=True, check=True, capture_output=True)
        said = subprocess.run(["docker", "push", tag], text=True, check=True, capture_output=True).stdout
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", said)
        assert found is not None, said
        return found[1]

    def close(self) -> None:
        """End the registry, and forget what was pushed."""
        subprocess.run(["docker", "rmi", "--force", *self._pushed], capture_output=True, check=False)
        self._process.terminate()
        self._process.wait(10)


def wait_for(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.05)
    pytest.fail(f"the registry at {address} does not answer")


@pytest.fixture
def registry(tmp_path: Path, docker: Daemon):
    registry = Registry(tmp_path)
    yield registry
    registry.close()


@pytest.fixture
def begin(settings, docker: Daemon, capfd):
    """Make the project of a base that is described; its images are removed in the end."""
    trail = Trail(settings.home, capfd)

    def begin(base: str) -> Trail:
        (settings.home / "bases").mkdir()
        (settings.home / "bases" / "bookworm.toml").write_text(base)
        trail("new", "field", "--base", "bookworm")
        (settings.home / "hello").write_text("RUN echo hello > /opt/hello\n")
        trail("-C", "field", "env", "snippet", "set", "10-hello", "hello")
        return trail

    yield begin
    for digest in trail.digests - {""}:
        Images(docker).remove(digest)


@pytest.fixture
def trail(begin) -> Trail:
    return begin(BASE_TEXT)


def test_a_rebuild_is_equal_and_what_was_altered_in_an_image_is_named(trail, docker: Daemon, tmp_path):
    _, built = trail("-C", "field", "env", "build", "--engine", "docker")
    assert trail.verify() == (0, {})
    assert trail("-C", "field", "env", "show")[1]["state"] == "proved"
    image = str(built["built"])
    alter(docker, image, write_deb(tmp_path, "tree", "9.9", architecture="amd64").read_bytes())
    code, found = trail.verify()
    assert code == 1
    assert found.pop("tree (apt)") == {"cause": "another version", "recorded": "9.9", "rebuilt": "2.1.0-1"}
    changed = {what: one["cause"] for what, one in found.items() if not what.startswith("/usr/share/")}
    assert found["/usr/share/tree/version"]["cause"] == "it is not in the rebuilt image"
    assert changed.pop("/usr/bin/tree") == "it is in the rebuilt image only"
    assert changed == {
        "/opt/hello": "a file of the system is another",
        "/opt/python/lib/python3.11/site-packages/six.py": "a file of Python's packages is another",
    }
    assert trail("-C", "field", "env", "show")[1]["state"] != "proved"


def test_another_hash_of_a_wheel_in_the_lock_is_named(trail):
    lock = trail.held("pylock.toml")
    wheel = re.search(r"/six-[^\"]*\.whl\".*?sha256 = \"([0-9a-f]{64})", lock.read_text(), re.DOTALL)
    assert wheel is not None
    lock.write_text(re.sub(wheel[1], "0" * 64, lock.read_text()))
    code, found = trail.verify()
    assert code == 1
    assert found["pylock.toml"]["cause"] == CHANGED
    assert found["six"] == {
        "cause": "what the index has is not what the lock has",
        "recorded": f"sha256:{'0' * 64}",
        "rebuilt": f"sha256:{wheel[1]}",
    }
    assert found.keys() == {"pylock.toml", "six"}


def test_another_version_of_a_system_package_in_the_lock_is_named(trail):
    lock = trail.held("apt.toml")
    lock.write_text(re.sub(r'(name = "tree"\nversion = )"[^"]*"', r'\1"9.9"', lock.read_text()))
    code, found = trail.verify()
    assert (code, found.keys()) == (1, {"apt.toml", "tree (apt)"})
    assert found["apt.toml"]["cause"] == CHANGED
    assert found["tree (apt)"] == {
        "cause": "its source does not have this version",
        "recorded": "9.9",
        "rebuilt": None,
    }


def test_another_snippet_is_named(trail):
    trail.held("snippets/10-hello.dockerfile").write_text("RUN echo other > /opt/hello\n")
    code, found = trail.verify()
    assert (code, {what: one["cause"] for what, one in found.items()}) == (1, {"snippet 10-hello": CHANGED})
    assert len({found["snippet 10-hello"]["recorded"], found["snippet 10-hello"]["rebuilt"], None}) == 3


@pytest.mark.needs("docker-registry")
def test_another_digest_of_the_base_is_named(begin, registry: Registry):
    one, other = registry.push("RUN echo one > /one"), registry.push("RUN echo other > /other")
    text = BASE_TEXT.replace(f'local = "{BASE}"', f'reference = "{registry.name}"\ndigest = "{one}"')
    trail = begin(text.replace('packages = ["tree"]', "packages = []"))
    assert trail.verify() == (0, {})
    held = trail.held("base.toml")
    held.write_text(held.read_text().replace(one, other))
    code, found = trail.verify()
    assert (code, {what: each["cause"] for what, each in found.items()}) == (1, {"base": CHANGED})
    held.write_text(held.read_text().replace(other, NO_DIGEST))
    code, proof = trail("-C", "field", "env", "verify", "--engine", "docker")
    assert (code, [(each["what"], each["cause"]) for each in proof["differences"]]) == (
        1,
        [("base", CHANGED), ("base", "its registry does not have it")],
    )
    assert proof["differences"][1]["recorded"] == f"{registry.name}@{NO_DIGEST}"


def alter(docker: Daemon, image: str, package: bytes) -> None:
    """Change files of an image by hand and put in a package of another version, under the same name."""
    before = read_contents(docker, image).files
    api = docker.api
    container = api.create_container(image, ["sh", "-c", ALTER], user="0:0")["Id"]
    api.put_archive(container, "/tmp", packed(package))
    api.start(container)
    assert api.wait(container)["StatusCode"] == 0, api.logs(container)
    repository, tag = image.rsplit(":", 1)
    api.commit(container, repository, tag)
    api.remove_container(container)
    assert before != read_contents(docker, image).files


def packed(data: bytes) -> bytes:
    """Return an archive with the file own.deb."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("own.deb")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()
