"""What this machine can do, fact by fact, with what to install for more."""

import fcntl
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import uv

from trailmark.errors import TrailmarkError
from trailmark.process import run

_GIGABYTE = 1024**3
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_ENOUGH_WATCHES = 65_536
_ENOUGH_DISK = 2 * _GIGABYTE
_ENOUGH_MEMORY = 1 * _GIGABYTE
_OLDEST_GIT = (2, 30)
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """One fact. `advice` is what to do when it is not `ok`; `needed` says whether daily work depends on it."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = True


def examine(
    home: Path,
    *,
    environ: Mapping[str, str],
    shim: Callable[[], str | None],
    pythons: Callable[[], Sequence[str]],
) -> tuple[Check, ...]:
    """Return every check. `shim` returns None when the file shim loads, or why not; `pythons` lists those found."""
    path = environ.get("PATH", os.defpath)
    return (
        _python(),
        _home(home),
        _pythons(pythons),
        _uv(),
        _git(path),
        _shim(shim),
        _compiler(path),
        _watches(),
        _disk(home),
        _memory(),
        _docker(path, environ),
        _chromium(path),
    )


def _python() -> Check:
    return Check(
        "Python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()} at {sys.executable}",
        "Trailmark needs Python 3.11 or later.",
    )


def _home(home: Path) -> Check:
    """Look whether the home can be written to and has working file locks, which some network disks lack."""
    advice = "Set TRAILMARK_HOME to a folder on a local disk that you may write to."
    try:
        with tempfile.TemporaryFile(dir=_nearest(home)) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return Check("Trailmark home", False, f"{home}: {error.strerror}", advice)
    return Check("Trailmark home", True, str(home), advice)


def _pythons(list_pythons: Callable[[], Sequence[str]]) -> Check:
    advice = "Install the Pythons that your projects ask for; any system package or pyenv will do."
    try:
        found = list_pythons()
    except TrailmarkError as error:
        return Check("Pythons for environments", False, str(error), advice)
    return Check("Pythons for environments", bool(found), ", ".join(found) or "none", advice)


def _uv() -> Check:
    advice = "Install Trailmark again (make setup); uv comes with it."
    try:
        said = _said([uv.find_uv_bin(), "--version"])
    except FileNotFoundError:
        said = None
    return Check("uv", said is not None, said or "not found", advice)


def _git(path: str) -> Check:
    program = shutil.which("git", path=path)
    said = _said([program, "--version"]) if program else None
    numbers = tuple(map(int, re.findall(r"\d+", said or "")[:2]))
    advice = "Install git 2.30 or later (Debian: apt-get install git)."
    return Check("git", numbers >= _OLDEST_GIT, said or "not found", advice)


def _shim(loads: Callable[[], str | None]) -> Check:
    problem = loads()
    return Check(
        "File capture",
        problem is None,
        "every file that a program opens is seen" if problem is None else problem,
        "Without the shim, Python's own reports and a file watcher are used, which see less. "
        "Install gcc and run make setup again.",
        needed=False,
    )


def _compiler(path: str) -> Check:
    program = next(filter(None, (shutil.which(name, path=path) for name in ("cc", "gcc", "clang"))), None)
    said = _said([program, "--version"]) if program else None
    return Check(
        "C compiler",
        said is not None,
        said or "not found",
        "It builds the file shim and packages without a wheel (Debian: apt-get install gcc).",
        needed=False,
    )


def _watches() -> Check:
    try:
        limit = int(_WATCHES.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Check("File watches", True, "no limit known on this system", needed=False)
    return Check(
        "File watches",
        limit >= _ENOUGH_WATCHES,
        f"{limit} folders can be watched",
        "Large projects need more: sysctl fs.inotify.max_user_watches=524288",
        needed=False,
    )


def _disk(home: Path) -> Check:
    place = _nearest(home)
    free = shutil.disk_usage(place).free
    advice = (
        f"Environments and projects need room; free some where {place} is, or set TRAILMARK_HOME elsewhere."
    )
    return Check("Disk", free >= _ENOUGH_DISK, f"{free / _GIGABYTE:.1f} GB free for {home}", advice)


def _nearest(home: Path) -> Path:
    """Return the folder itself, or the first one above it that exists."""
    return next(folder for folder in (home, *home.absolute().parents) if folder.exists())


def _memory() -> Check:
    memory = psutil.virtual_memory()
    detail = f"{memory.available / _GIGABYTE:.1f} of {memory.total / _GIGABYTE:.1f} GB free"
    return Check("Memory", memory.available >= _ENOUGH_MEMORY, detail, "Close other programs.", needed=False)


def _docker(path: str, environ: Mapping[str, str]) -> Check:
    advice = "Not needed here; with it, projects can run in containers (Debian: apt-get install docker.io)."
    program = shutil.which("docker", path=path)
    if not program:
        return Check("Docker", False, "not found", advice, needed=False)
    said = _said([program, "version", "--format", "{{.Server.Version}}"], environ)
    detail = f"engine {said}" if said else "the program is there, but no engine answers"
    return Check("Docker", said is not None, detail, advice, needed=False)


def _chromium(path: str) -> Check:
    program = next(filter(None, (shutil.which(name, path=path) for name in _CHROMIUMS)), None)
    return Check(
        "Chromium",
        program is not None,
        program or "not found",
        "Only Trailmark's own browser tests and screenshots need it (Debian: apt-get install chromium).",
        needed=False,
    )


def _said(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> str | None:
    """Return the first line that a program says, or None when it cannot be asked."""
    try:
        done = run(argv, env=environ, timeout=5)
    except TrailmarkError:
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.ok and lines else None
