"""A CRAN-like repository made of a folder of tiny packages, so that tests of environments need no network."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from trailmark.environments.managers.dcf import read_paragraphs
from trailmark.environments.managers.r_packages import version_key
from trailmark.testing.archives import make_tar

_LISTED = ("Package", "Version", "Depends", "Imports", "LinkingTo", "License", "MD5sum", "NeedsCompilation")


def write_r_package(
    folder: Path,
    name: str,
    version: str,
    *,
    fields: Mapping[str, str] | None = None,
    code: str | None = None,
) -> Path:
    """Write a package without compiled code into a repository's folder, and return its path.

    As on CRAN, the index lists the newest version only, and older files move to the archive.
    """
    description = {
        "Package": name,
        "Version": version,
        "Title": f"A Tiny Package Called {name}",
        "Description": "It is there to be installed.",
        "Authors@R": 'person("Ada", "Lovelace", email = "ada@example.org", role = c("aut", "cre"))',
        "Author": "Ada Lovelace",
        "Maintainer": "Ada Lovelace <ada@example.org>",
        "License": "MIT",
        "NeedsCompilation": "no",
        **(fields or {}),
    }
    content = {
        f"{name}/DESCRIPTION": _paragraph(description),
        f"{name}/NAMESPACE": "export(which_version)\n",
        f"{name}/R/code.R": code if code is not None else f'which_version <- function() "{version}"\n',
    }
    data = make_tar(content)
    contrib = folder / "src" / "contrib"
    contrib.mkdir(parents=True, exist_ok=True)
    target = contrib / f"{name}_{version}.tar.gz"
    target.write_bytes(data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return _list(contrib, {**description, "MD5sum": md5}, target)


def write_r_repository(folder: Path) -> Path:
    """Write a repository of a few packages that need each other."""
    write_r_package(folder, "alpha", "1.0")
    write_r_package(folder, "alpha", "2.0", fields={"Imports": "beta (>= 1.0), utils"})
    write_r_package(folder, "beta", "1.0")
    write_r_package(folder, "beta", "2.0", fields={"Depends": "R (>= 3.5)"})
    write_r_package(folder, "gamma", "1.0", fields={"Imports": "beta (< 2.0)"})
    write_r_package(folder, "delta", "1.0", fields={"Depends": "R (>= 3.5), beta (>= 2.0)"})
    return folder


def _list(contrib: Path, facts: Mapping[str, str], file: Path) -> Path:
    """Put the package into the index; return where its file is then."""
    index = contrib / "PACKAGES"
    listed = list(read_paragraphs(index.read_text(encoding="utf-8"))) if index.exists() else []
    same = [one for one in listed if one["Package"] == facts["Package"]]
    newest = max([*same, facts], key=lambda one: version_key(one["Version"]))
    kept = [one for one in listed if one["Package"] != facts["Package"]]
    entries = sorted([*kept, newest], key=lambda one: one["Package"])
    index.write_text(
        "\n".join(_paragraph({name: one[name] for name in _LISTED if name in one}) for one in entries),
        encoding="utf-8",
    )
    archive = contrib / "Archive" / facts["Package"]
    for one in [*same, facts]:
        old = contrib / f"{one['Package']}_{one['Version']}.tar.gz"
        if one["Version"] != newest["Version"]:
            archive.mkdir(parents=True, exist_ok=True)
            old.rename(archive / old.name)
    return file if file.exists() else archive / file.name


def _paragraph(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items())
