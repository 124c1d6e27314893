import socket

import pytest

from trailmark.engines.daemon import Daemon, find_daemon
from trailmark.engines.trust import find_trust
from trailmark.errors import InvalidInput, Unavailable

EXTRA = b"-----BEGIN CERTIFICATE-----\nEXTRA"


def test_where_there_is_no_engine_it_says_what_to_install(tmp_path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(Unavailable, match="apt-get install podman"):
        find_daemon(environ, "podman")


def test_an_engine_is_found_at_its_usual_place_or_where_docker_host_says(tmp_path):
    (tmp_path / "podman").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "podman" / "podman.sock"))
        found = find_daemon({"XDG_RUNTIME_DIR": str(tmp_path)}, "podman")
    assert (found.address, found.kind) == (f"unix://{tmp_path}/podman/podman.sock", "podman")
    named = find_daemon({"DOCKER_HOST": "unix:///somewhere/docker.sock"}, "docker")
    assert named.address == "unix:///somewhere/docker.sock"


def test_an_engine_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(Unavailable, match="No docker engine answers"):
        _ = Daemon(f"unix://{tmp_path}/none.sock").api


def test_what_this_machine_trusts_is_passed_on(tmp_path):
    (tmp_path / "own.pem").write_bytes(b"OWN")
    (tmp_path / "extra.pem").write_bytes(EXTRA)
    environ = {"SSL_CERT_FILE": str(tmp_path / "own.pem"), "https_proxy": "http://proxy:1", "OTHER": "x"}
    trust = find_trust(environ, tmp_path / "extra.pem")
    assert trust.certificates == b"OWN\n" + EXTRA
    assert dict(trust.proxies) == {"https_proxy": "http://proxy:1"}
    assert "proxy:1" not in repr(trust)
    with pytest.raises(InvalidInput, match=r"none\.pem"):
        find_trust(environ, tmp_path / "none.pem")
    with pytest.raises(InvalidInput, match="holds no certificates"):
        find_trust(environ, tmp_path / "own.pem")
