"""What a container may see and do: nothing but what its session was given (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trailmark.engines.model import Limits, Mount, SessionSpec

_MOST_PROCESSES = 4096
_LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
_SCRATCH = ("/tmp", "/var/tmp")
_RUN = "rw,nosuid,nodev,mode=1777,size=64m"


def confinement(
    spec: SessionSpec, network: str, empty: Path, published_at: Sequence[str] = ("127.0.0.1",)
) -> dict[str, Any]:
    """Return the part of a container's configuration, as Docker's interface takes it, that holds a session in.

    `empty` is an empty folder of this machine, for mounts without a source; `published_at` the loopback addresses at
    which its port answers.
    """
    taken = {str(mount.target) for mount in spec.mounts}
    scratch = [{"Type": "volume", "Target": path} for path in _SCRATCH if path not in taken]
    host = {
        "NetworkMode": network,
        "Mounts": [*scratch, *(_mount(mount, empty) for mount in spec.mounts)],
        "Tmpfs": {} if "/run" in taken else {"/run": _RUN},
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": _MOST_PROCESSES,
        "Init": True,
        "LogConfig": _LOG,
        **_limits(spec.limits),
    }
    if spec.port is None or network == "host":
        return {"HostConfig": host}
    port = f"{spec.port}/tcp"
    host["PortBindings"] = {
        port: [{"HostIp": address, "HostPort": str(spec.port)} for address in published_at]
    }
    return {"ExposedPorts": {port: {}}, "HostConfig": host}


def _mount(mount: Mount, empty: Path) -> dict[str, Any]:
    """Return one mount. What shall be empty is a folder that is: podman fills a fresh one with what it covers."""
    return {
        "Type": "bind",
        "Source": str(mount.source or empty),
        "Target": str(mount.target),
        "ReadOnly": mount.read_only or mount.source is None,
    }


def _limits(limits: Limits) -> dict[str, Any]:
    """Return the limits; memory without any swap beside it, or the limit would be none."""
    found: dict[str, Any] = {}
    if limits.memory_bytes is not None:
        found |= {"Memory": limits.memory_bytes, "MemorySwap": limits.memory_bytes}
    if limits.cpus is not None:
        found["NanoCpus"] = round(limits.cpus * 1_000_000_000)
    if limits.shared_memory_bytes is not None:
        found["ShmSize"] = limits.shared_memory_bytes
    if limits.gpu:
        found["DeviceRequests"] = [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]
    return found
