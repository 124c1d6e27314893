"""All that lies in an environment's folder, told so that two environments in different places can be compared."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from trailmark.environments.installed import NOT_PACKAGED
from trailmark.environments.realise import MARK

_CACHE = "__pycache__"
# Which uv made it makes no difference.
_MADE_BY = re.compile(rb"^uv = [0-9a-z.+-]+$", re.MULTILINE)
_PLACE = b"{environment}"
_RUNS = 0o7111
_LONGEST_TEXT = 1_000_000
# A hash stands in for the source's time, and Python is told not to look whether it is that of the source.
_FLAGS = slice(4, 8)
_HASHED, _CHECKED = 1, 2


def read_prefix(environment: Path) -> dict[str, str]:
    """Return every file and link by its path: its hash, where it leads, and whether it may be run.

    Where the environment lies makes no difference. Python's caches are not among them, nor what an installer notes.
    """
    return {path.relative_to(environment).as_posix(): _told(path, environment) for path in _walk(environment)}


def unchecked_bytecode(environment: Path) -> list[str]:
    """Return the caches that Python would use whatever stands in their source."""
    found = []
    for path in sorted(environment.rglob(f"{_CACHE}/*.pyc")):
        try:
            with path.open("rb") as stream:
                flags = int.from_bytes(stream.read(16)[_FLAGS], "little")
        except OSError:
            continue
        if flags & _HASHED and not flags & _CHECKED:
            found.append(path.relative_to(environment).as_posix())
    return found


def forget_bytecode(environment: Path) -> None:
    """Remove Python's caches: what runs from here on comes from the source."""
    for folder in list(environment.rglob(_CACHE)):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _walk(environment: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(environment):
        folder = Path(name)
        links = [one for one in folders if (folder / one).is_symlink()]
        folders[:] = sorted(one for one in folders if one != _CACHE and one not in links)
        is_info = folder.name.endswith(".dist-info")
        for one in sorted((*files, *links)):
            if one != MARK and not (is_info and one in NOT_PACKAGED):
                yield folder / one


def _told(path: Path, environment: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        target = path.readlink()
        if target.is_absolute() and not target.is_relative_to(environment):
            # The interpreter, which is one and the same under several names.
            return f"→ outside, {_digest(path, environment)}" if path.is_file() else "→ nothing"
        return f"→ {target.relative_to(environment) if target.is_absolute() else target}"
    if not stat.S_ISREG(mode):
        return "neither a file nor a link"
    runs = mode & _RUNS
    return _digest(path, environment) + (f", mode {runs:o}" if runs else "")


def _digest(path: Path, environment: Path) -> str:
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size > _LONGEST_TEXT:
                return hashlib.file_digest(stream, "sha256").hexdigest()
            text = stream.read()
    except OSError:
        return "it cannot be read"
    return hashlib.sha256(_placeless(text, os.fsencode(environment))).hexdigest()


def _placeless(text: bytes, place: bytes) -> bytes:
    """Return a text as it would be in any place. How a script names its Python depends on how long that name is."""
    python = re.escape(place) + rb"/bin/python[0-9.]*"
    start = rb"#!%b[ ]*\n|#!/bin/sh\n'''exec' [\"']?%b[\"']? \"\$0\" \"\$@\"\n' '''\n" % (python, python)
    text = re.sub(rb"\A(?:" + start + rb")", b"#!python\n", text).replace(place, _PLACE)
    return _MADE_BY.sub(b"uv", text)
