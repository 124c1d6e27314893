"""Gathering loose objects into packs while nobody waits, so that a repository stays small and quick."""

from __future__ import annotations

import contextlib
import time

from trailmark.errors import CommandFailed
from trailmark.git.repository import Repository
from trailmark.process import run

ENOUGH = 3000
_SAMPLE = "17"
_FOLDERS = 256
_MINUTES = 30
_MANY_PACKS = 20
_UNFINISHED = ("tmp_", ".tmp-")
_STALE_SECONDS = 24 * 3600.0
_SAFE = (
    *("-c", "core.fsync=all", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "core.alternateRefsCommand=", "-c", "gc.auto=0"),
)


def estimate_loose(repository: Repository) -> int:
    """Return about how many objects lie loose, judged by one of the folders that they are spread over."""
    try:
        return sum(1 for _ in (repository.git_folder / "objects" / _SAMPLE).iterdir()) * _FOLDERS
    except FileNotFoundError:
        return 0


def count_packs(repository: Repository) -> int:
    """Return how many packs there are: every look-up of a new object asks all of them."""
    return sum(1 for _ in (repository.git_folder / "objects" / "pack").glob("pack-*.pack"))


def pack_loose(repository: Repository, *, enough: int = ENOUGH) -> bool:
    """Pack the reachable loose objects when there are enough of them; return whether it was done.

    When many packs have come together, small ones are joined so that each is at least twice the one before.
    Others may read and write meanwhile, and it may be killed at any time: the pack is on disk before a loose
    object goes, and what no ref reaches yet is left alone; what a killed one left is removed the next time.
    Raises CommandFailed.
    """
    remove_unfinished(repository)
    if estimate_loose(repository) < enough:
        return False
    folder = str(repository.git_folder)
    command = ["git", *_SAFE, "--git-dir", folder, "repack", "-d", "-l", "-q", "--no-write-bitmap-index"]
    if count_packs(repository) >= _MANY_PACKS:
        command.append("--geometric=2")
    done = run(command, cwd=repository.git_folder, timeout=60 * _MINUTES)
    if done.code != 0:
        raise CommandFailed(
            f"The history could not be packed; it is complete, only larger than need be. git said: {done.stderr}",
            output=done.stderr,
            code=done.code,
        )
    return True


def remove_unfinished(repository: Repository) -> None:
    """Remove the packs that somebody began to write more than a day ago and never finished."""
    horizon = time.time() - _STALE_SECONDS
    for path in (repository.git_folder / "objects" / "pack").glob("*"):
        with contextlib.suppress(OSError):
            if path.name.startswith(_UNFINISHED) and path.lstat().st_mtime < horizon:
                path.unlink()
