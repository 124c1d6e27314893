"""What this machine can do for Trailmark, and what to install for more."""

import fcntl
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trailmark import process
from trailmark.errors import TrailmarkError
from trailmark.settings import Settings
from trailmark_capture.files import find_shim

ENOUGH_BYTES = 2_000_000_000
ENOUGH_WATCHES = 65_536
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


@dataclass(frozen=True)
class Ability:
    """One thing that a machine has or lacks. `remedy` says what to do about a lack; empty when there is none."""

    name: str
    ok: bool
    found: str
    purpose: str
    needed: bool = False
    remedy: str = ""


def abilities(settings: Settings) -> tuple[Ability, ...]:
    """Look at this machine and return what it has and lacks, what is needed first."""
    return (
        _python(),
        _home(settings.home),
        _space(settings.home),
        _git(),
        _package("uv", "makes environments"),
        _package("jupyterlab", "the tool that `trailmark launch` opens"),
        _file_capture(),
        _watches(),
        _system(),
    )


def _python() -> Ability:
    return Ability(
        "Python", sys.version_info >= (3, 11), platform.python_version(), "runs Trailmark itself", needed=True
    )


def _home(home: Path) -> Ability:
    purpose = "keeps what is not in a project"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home) as probe:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        remedy = "Set TRAILMARK_HOME to a folder on a local disk that you may write to."
        return Ability("Trailmark home", False, f"{home}: {error.strerror}", purpose, True, remedy)
    return Ability("Trailmark home", True, str(home), purpose, needed=True)


def _space(home: Path) -> Ability:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    return Ability(
        "Free disk space",
        free >= ENOUGH_BYTES,
        f"{free / 1e9:.1f} GB",
        "environments take 0.1 to 2 GB each",
        remedy="Free some space, or set TRAILMARK_HOME to a larger disk.",
    )


def _git() -> Ability:
    name, purpose = "git", "imports from git addresses; reads projects without Trailmark"
    try:
        said = process.run(["git", "--version"], timeout=10).require("git does not work.").stdout
    except TrailmarkError:
        return Ability(name, False, "not found", purpose, remedy="apt install git, or brew install git")
    return Ability(name, True, said.removeprefix("git version ").strip(), purpose)


def _package(name: str, purpose: str) -> Ability:
    try:
        return Ability(name, True, version(name), purpose, needed=True)
    except PackageNotFoundError:
        return Ability(name, False, "not found", purpose, True, "make setup, or pip install trailmark again")


def _file_capture() -> Ability:
    purpose = "which files each cell and command read and wrote"
    if find_shim() is not None:
        return Ability("File capture", True, "complete (shim)", purpose)
    if sys.platform == "darwin":
        remedy = "On macOS the shim cannot load; records say how their files were seen."
    else:
        remedy = "apt install gcc libc6-dev, then make setup"
    return Ability("File capture", False, "partial (audit hook and watcher)", purpose, remedy=remedy)


def _watches() -> Ability:
    name, purpose = "File watcher", "notices what other programs change"
    if not _WATCHES.exists():
        return Ability(name, True, sys.platform, purpose)
    limit = int(_WATCHES.read_text(encoding="ascii"))
    remedy = "For large projects: sudo sysctl fs.inotify.max_user_watches=524288"
    return Ability(name, limit >= ENOUGH_WATCHES, f"up to {limit} folders", purpose, remedy=remedy)


def _system() -> Ability:
    supported = sys.platform in ("linux", "darwin")
    remedy = "" if supported else "On Windows, run Trailmark inside WSL 2."
    found = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return Ability("Operating system", supported, found, "Linux in full; macOS with less", remedy=remedy)
