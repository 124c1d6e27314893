"""A session knows its own user by name, whoever made the image."""

import time
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines.daemon import Daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image
from trailmark.engines.model import SessionSpec
from trailmark.sessions.known_user import Known, known_in, known_user, render_groups, render_users


def test_the_person_is_known_and_root_stays() -> None:
    text = render_users(1234, 1235, "ada", Path("/srv/ada"))
    assert "root:x:0:0:" in text
    assert "ada:x:1234:1235::/srv/ada:/bin/bash\n" in text
    assert "ada:x:1235:\n" in render_groups(1235, "ada")


@pytest.mark.parametrize("name", ["root", "nobody", "a:b", "a\nroot:x:0:0::/:/bin/sh", "", "A"])
def test_a_name_that_cannot_be_one_is_left_out(name: str) -> None:
    assert len(render_users(1234, 1234, name, Path("/srv/x")).splitlines()) == 2
    assert len(render_groups(1234, name).splitlines()) == 2


def test_whom_the_image_knows_stays_and_the_person_is_found_first() -> None:
    own = (
        "root:x:0:0::/root:/bin/sh",
        "web:x:33:33::/:/bin/no",
        "old:x:1234:5::/:/bin/sh",
        "no line",
        "ada:x:7:7::/:/x",
    )
    lines = render_users(1234, 1235, "ada", Path("/srv/ada"), own).splitlines()
    assert lines[:2] == [own[0], "ada:x:1234:1235::/srv/ada:/bin/bash"]
    assert {own[1], own[2]} < set(lines)
    assert not {"no line", own[4]} & set(lines)
    groups = render_groups(1235, "ada", ("root:x:0:", "web:x:33:bob", "ada:x:7:")).splitlines()
    assert groups == ["root:x:0:", "ada:x:1235:", "web:x:33:bob", "nogroup:x:65534:"]


def test_whom_an_image_knows_is_read_once(docker: Daemon, tmp_path: Path) -> None:
    (facts,) = docker.api.images(name=BASE)
    image = Image("d" * 64, BASE, facts["Id"], 1, "")
    known = known_in(image, docker, tmp_path / "users")
    assert any(line.startswith("daemon:x:1:1:") for line in known.users)
    assert any(line.startswith("daemon:x:1:") for line in known.groups)
    assert known_in(image, Daemon("unix:///nowhere.sock"), tmp_path / "users") == known
    assert known_in(Image("d" * 64, "no-such-image", "0", 1, ""), docker, tmp_path / "users") == Known()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["docker", "podman"])
@pytest.mark.parametrize("ids", ["1234:1235", "0:0"])
def test_a_session_runs_under_the_persons_name(
    kind: str, ids: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    daemon: Daemon = request.getfixturevalue(kind)
    own = Daemon(daemon.address, kind)
    own.__dict__["user"] = ids
    engine = DockerEngine(tmp_path, own)
    mounts = known_user(tmp_path, ids, "ada", Path("/tmp/ada"))
    argv = (
        "python3",
        "-c",
        "import os, pwd; print(pwd.getpwnam('ada').pw_uid, pwd.getpwuid(os.getuid()).pw_name)",
    )
    engine.submit(SessionSpec("named", argv, {"HOME": "/tmp"}, Path("/"), image=BASE, mounts=mounts))
    try:
        deadline = time.monotonic() + 30
        while (
            (state := engine.inspect("named")) is not None and state.is_live and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        assert engine.logs("named").strip() == ("1234 ada" if ids != "0:0" else "0 root")
    finally:
        engine.stop("named")
        engine.forget("named")
