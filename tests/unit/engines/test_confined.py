from pathlib import Path

import pytest

from trailmark.engines.confined import confinement
from trailmark.engines.model import Limits, Mount, SessionSpec
from trailmark.errors import InvalidInput

EMPTY = Path("/empty")


def host(network="bridge", **facts):
    spec = SessionSpec("a", ("true",), {}, Path("/"), image="x", **facts)
    return confinement(spec, network, EMPTY)["HostConfig"]


def test_a_session_has_no_privilege_whatever_it_asks_for():
    found = host()
    assert found["CapDrop"] == ["ALL"]
    assert found["SecurityOpt"] == ["no-new-privileges"]
    assert found["ReadonlyRootfs"] is True
    assert found["PidsLimit"] > 0
    assert "Privileged" not in found
    assert "PortBindings" not in found


def test_ports_are_published_on_loopback():
    assert host(port=8000)["PortBindings"] == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]}
    assert "PortBindings" not in host("host", port=8000)
    spec = SessionSpec("a", ("true",), {}, Path("/"), port=8000)
    both = confinement(spec, "bridge", Path("/empty"), ("127.0.0.1", "::1"))["HostConfig"]["PortBindings"]
    assert [one["HostIp"] for one in both["8000/tcp"]] == ["127.0.0.1", "::1"]


def test_mounts_are_what_was_given():
    given = (Mount(Path("/a"), Path("/b")), Mount(Path("/c"), Path("/d"), True), Mount(None, Path("/b/.git")))
    binds = [one for one in host(mounts=given)["Mounts"] if one["Type"] == "bind"]
    assert [(one["Source"], one["Target"], one["ReadOnly"]) for one in binds] == [
        ("/a", "/b", False),
        ("/c", "/d", True),
        ("/empty", "/b/.git", True),
    ]
    own = host(mounts=(Mount(Path("/a"), Path("/tmp")), Mount(Path("/a"), Path("/run"))))
    assert [one["Target"] for one in own["Mounts"]] == ["/var/tmp", "/tmp", "/run"]
    assert own["Tmpfs"] == {}


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a\0b"])
def test_a_mount_has_whole_paths(path):
    with pytest.raises(InvalidInput):
        Mount(Path(path), Path("/x"))
    with pytest.raises(InvalidInput):
        Mount(None, Path(path))


def test_limits_are_the_engines():
    found = host(limits=Limits(1024, 1.5, 512, gpu=True))
    assert (found["Memory"], found["MemorySwap"], found["NanoCpus"], found["ShmSize"]) == (
        1024,
        1024,
        1500000000,
        512,
    )
    assert found["DeviceRequests"][0]["Capabilities"] == [["gpu"]]
    assert not {"Memory", "NanoCpus", "ShmSize", "DeviceRequests"} & host().keys()
