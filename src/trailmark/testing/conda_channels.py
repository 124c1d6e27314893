"""A conda channel made of a folder of tiny packages, so that tests of environments need no network."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trailmark.testing.archives import make_tar


def write_conda_package(
    folder: Path,
    name: str,
    version: str,
    *,
    depends: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    subdir: str = "noarch",
) -> Path:
    """Write a package into a channel's folder, name it in the channel's index, and return its path."""
    content = files if files is not None else {f"share/{name}.txt": f"{name} {version}\n"}
    facts: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
        "license": "MIT",
        "timestamp": 1_577_836_800_000,
        **({"noarch": "generic"} if subdir == "noarch" else {}),
    }
    paths = [_path(path, text.encode()) for path, text in content.items()]
    data = make_tar(
        {
            "info/index.json": json.dumps(facts),
            "info/files": "".join(f"{path}\n" for path in content),
            "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
            **content,
        },
        "bz2",
    )
    target = folder / subdir / f"{name}-{version}-0.tar.bz2"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    _list(folder, target, {**facts, **_hashes(data)})
    return target


def write_conda_channel(folder: Path) -> Path:
    """Write a channel of a few packages that need each other."""
    write_conda_package(folder, "alpha", "1.0")
    write_conda_package(folder, "alpha", "2.0", depends=["beta >=1"])
    write_conda_package(folder, "beta", "1.0")
    write_conda_package(folder, "beta", "2.0")
    write_conda_package(folder, "gamma", "1.0", depends=["beta <2"])
    write_conda_package(folder, "delta", "1.0", depends=["beta >=2"])
    write_conda_package(folder, "needs-glibc", "1.0", depends=["__glibc >=2.17"], subdir="linux-64")
    return folder


def _list(folder: Path, package: Path, facts: Mapping[str, Any]) -> None:
    for subdir in {"noarch", package.parent.name}:
        index = folder / subdir / "repodata.json"
        content: dict[str, Any] = {
            "info": {"subdir": subdir},
            "packages": {},
            "packages.conda": {},
            "repodata_version": 2,
        }
        if index.exists():
            content = json.loads(index.read_text(encoding="utf-8"))
        if subdir == package.parent.name:
            content["packages"] = {**content["packages"], package.name: facts}
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _path(path: str, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(data)}


def _hashes(data: bytes) -> dict[str, object]:
    return {
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
