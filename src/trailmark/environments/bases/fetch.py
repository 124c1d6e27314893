"""Catalogues by git address: fetched into a bare repository of ours, and read from it without a checkout."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trailmark.errors import NotFound
from trailmark.git import FILE, Repository
from trailmark.git.address import parse_address
from trailmark.git.transfer import fetch, find_head
from trailmark.progress import Progress

_MOST_FILES = 500
_LARGEST = 1_000_000


def fetch_catalogue(home: Path, address: str, progress: Progress, *, allow_private: bool = False) -> None:
    """Bring a catalogue up to date. Raises InvalidInput or CommandFailed; what was there before stays."""
    parsed = parse_address(address)
    folder = _kept(home, address)
    head = find_head(parsed, allow_private=allow_private)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Repository.init(folder, bare=True)
    fetch(folder, parsed, progress, allow_private=allow_private)
    if head.branch:
        Repository.open(folder).set_head(head.branch)


def files_of_repository(home: Path, address: str) -> list[tuple[str, str]]:
    """Return name and text of the bases in a catalogue that was fetched. Raises NotFound when it was not."""
    folder = _kept(home, address)
    if not folder.is_dir():
        raise NotFound("it was not fetched yet. `trailmark bases --refresh` does it.")
    repository = Repository.open(folder)
    tree = repository.tree_of(repository.head())
    found = [
        (path, entry.oid)
        for path, entry in repository.iter_files(tree)
        if path.endswith(".toml") and path.count("/") <= 1 and entry.mode == FILE
    ]
    return [
        (path, repository.blob(oid).decode("utf-8", "replace"))
        for path, oid in found[:_MOST_FILES]
        if repository.blob_size(oid) <= _LARGEST
    ]


def _kept(home: Path, address: str) -> Path:
    return home / "catalogues" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git"
