"""Noticing that a project or a session changed, from nothing but the files that every writer touches.

Nobody calls the web: recorder, command line and plain git all move refs, and sessions write `session.json`.
A *mark* is the sizes and times of those files; two different marks mean that there is news.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

Mark = tuple[tuple[str, int, int, int], ...]
_REFS = "refs/trailmark/records"


def records_mark(project: Path) -> Mark:
    """Return the mark of a project's records, its branches and where it stands."""
    git = project / ".git"
    return _stats(
        [
            git / "HEAD",
            git / "packed-refs",
            *_below(git / _REFS, depth=2),
            *_below(git / "refs/heads", depth=3),
        ]
    )


def file_mark(path: Path) -> Mark:
    """Return the mark of one file; of nothing when it is not there. No link is followed."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    return ((str(path), found.st_mtime_ns, found.st_size, found.st_ino),)


def sessions_mark(home: Path) -> Mark:
    """Return the mark of all sessions of a home."""
    folder = home / "sessions"
    return _stats([folder, *(path for path in _below(folder, depth=2) if path.suffix == ".json")])


def seen(home: Path, project: Path | None) -> str:
    """Return a word for how everything that a page shows stands: another word means that it is out of date."""
    marks = (sessions_mark(home), records_mark(project) if project is not None else ())
    return hashlib.sha256(repr(marks).encode()).hexdigest()[:16]


def _below(folder: Path, *, depth: int) -> list[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    found: list[Path] = []
    for entry in entries:
        found.append(Path(entry.path))
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            found.extend(_below(Path(entry.path), depth=depth - 1))
    return found


def _stats(paths: list[Path]) -> Mark:
    marks = []
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        marks.append((str(path), found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(marks)
