"""What is installed in a virtual environment: its packages, and the hashes of their files."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

# What an installer writes about itself, and Python for itself: not a part of any package.
NOT_PACKAGED = frozenset(
    ("RECORD", "INSTALLER", "REQUESTED", "uv_cache.json", "direct_url.json", "uv_build.json")
)
_PIECE = 1 << 20


@dataclass(frozen=True)
class InstalledPackage:
    """A package. `files` has what RECORD says of each file: path below site-packages → sha256 in hexadecimal.

    Scripts that the installer writes for this very place have an empty hash.
    """

    name: str
    version: str
    files: dict[str, str] = field(repr=False)

    @property
    def digest(self) -> str:
        """One digest over the paths and hashes of all its files."""
        lines = (f"{path}\0{digest}\n" for path, digest in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def site_packages(environment: Path) -> Path:
    """Return the folder that holds the packages of an environment."""
    found = sorted((environment / "lib").glob("python3*/site-packages"))
    return found[0] if found else environment / "lib" / "python3" / "site-packages"


def installed_packages(environment: Path) -> dict[str, InstalledPackage]:
    """Return the packages of an environment by their normalised names."""
    folders = sorted(site_packages(environment).glob("*.dist-info"))
    found = (_package(folder) for folder in folders if (folder / "METADATA").is_file())
    return {one.name: one for one in found}


def altered_files(environment: Path, package: InstalledPackage) -> Iterator[tuple[str, str, str]]:
    """Yield path, hash by RECORD and hash as is of each file that is not as RECORD says; empty for a missing one."""
    root = site_packages(environment)
    for path, expected in sorted(package.files.items()):
        if not expected:
            continue
        actual = hash_of(root / path)
        if actual != expected:
            yield path, expected, actual


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, empty when it is not there."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def _package(folder: Path) -> InstalledPackage:
    head = HeaderParser().parsestr((folder / "METADATA").read_text(encoding="utf-8", errors="replace"))
    files = dict(_recorded(folder))
    return InstalledPackage(
        canonicalize_name(str(head["Name"] or folder.name)), str(head["Version"] or ""), files
    )


def _recorded(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        text = (folder / "RECORD").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    for row in csv.reader(text.splitlines()):
        if not row or "__pycache__" in row[0]:
            continue
        path, is_info = row[0], row[0].startswith(f"{folder.name}/")
        if is_info and path.rpartition("/")[2] in NOT_PACKAGED:
            continue
        is_placed = path.startswith(("../", "/"))
        yield path, "" if is_placed else _hexadecimal(row[1] if len(row) > 1 else "")


def _hexadecimal(written: str) -> str:
    """Return a hash as RECORD writes it (sha256=…, URL-safe base64 without padding) in hexadecimal."""
    algorithm, _, value = written.partition("=")
    if algorithm != "sha256":
        return ""
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except ValueError:
        return ""
