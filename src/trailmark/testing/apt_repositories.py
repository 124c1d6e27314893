"""A Debian repository made of a folder of tiny packages, so that tests of environments need no network."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from trailmark.testing.archives import make_tar


def write_deb(
    folder: Path,
    name: str,
    version: str,
    *,
    fields: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    architecture: str = "all",
) -> Path:
    """Write a package into the folder, name it in the folder's index, and return its path."""
    control = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "Ada Lovelace <ada@example.org>",
        **(fields or {}),
        "Description": f"a tiny package called {name}",
    }
    content = files if files is not None else {f"usr/share/{name}/version": f"{version}\n"}
    data = _ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar.gz": make_tar({"control": _paragraph(control)}),
            "data.tar.gz": make_tar(content),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
    target.write_bytes(data)
    facts = {
        "Filename": f"./{target.name}",
        "Size": str(len(data)),
        "SHA256": hashlib.sha256(data).hexdigest(),
    }
    with open(folder / "Packages", "a", encoding="utf-8") as index:
        index.write(_paragraph({**control, **facts}) + "\n")
    return target


def write_apt_repository(folder: Path) -> Path:
    """Write a repository of a few packages that need each other."""
    write_deb(folder, "alpha", "1.0")
    write_deb(folder, "alpha", "2.0", fields={"Depends": "beta (>= 1)"})
    write_deb(folder, "beta", "1.0")
    write_deb(folder, "beta", "2.0")
    write_deb(folder, "gamma", "1.0", fields={"Depends": "beta (<< 2)"})
    write_deb(folder, "delta", "1.0", fields={"Depends": "beta (>= 2)"})
    return folder


def write_system(folder: Path, installed: Mapping[str, str] | None = None) -> Path:
    """Write the package state of a base that has these packages (name → version), and return its root."""
    for name in ("etc/apt", "var/lib/apt/lists/partial", "var/lib/dpkg"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "etc/apt/sources.list").write_text("", encoding="utf-8")
    status = "".join(
        _paragraph(
            {
                "Package": name,
                "Status": "install ok installed",
                "Version": version,
                "Architecture": "all",
                "Maintainer": "Ada Lovelace <ada@example.org>",
                "Description": name,
            }
        )
        + "\n"
        for name, version in (installed or {}).items()
    )
    (folder / "var/lib/dpkg/status").write_text(status, encoding="utf-8")
    return folder


def source_line(folder: Path) -> str:
    """Return the line of a sources list that names such a folder."""
    return f"deb [trusted=yes] file:{folder} ./"


def _paragraph(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _ar(members: Mapping[str, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)
