"""apt's programs, looking at the package state of a base or of this machine; nothing of either is changed."""

import contextlib
import fcntl
import hashlib
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trailmark.environments.managers.dcf import read_paragraphs
from trailmark.environments.managers.debian import reason_of
from trailmark.environments.managers.model import go_on
from trailmark.errors import Damaged, Unavailable
from trailmark.process import Completed, run, stream
from trailmark.progress import NullProgress, Progress

# What tells apt all that it needs to know of a system, as an engine reads it from an image.
STATE_PATHS = ("/etc/apt", "/var/lib/apt/lists", "/var/lib/dpkg/status")
_FRESH_SECONDS = 3600.0
_POLL_SECONDS = 0.1
# What apt-cache says, beside the rest of its answer, of names that its index does not have.
_UNKNOWN = "No packages found"
_UNWANTED = ("LD_PRELOAD", "APT_CONFIG", "LANG", "LANGUAGE", "LC_ALL", "COLUMNS")


@dataclass(frozen=True)
class AptSystem:
    """The package state that is solved against.

    `root` holds etc/apt, var/lib/apt/lists and var/lib/dpkg/status as a Debian system does: this machine's /, or
    a copy of these folders of a base. `architecture` is Debian's name for it (None: this machine's).
    """

    root: Path = Path("/")
    architecture: str | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)


def unpack_system(archives: Mapping[str, bytes], folder: Path, architecture: str | None = None) -> AptSystem:
    """Put the package state of a base into `folder`, from tar archives of its STATE_PATHS by these paths.

    What is not of use to apt is left out: links, devices, and whatever leads out of the folder. Raises Damaged.
    """
    for path in STATE_PATHS:
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(fileobj=io.BytesIO(archives.get(path, b""))) as archive:
                for entry in archive:
                    if entry.isdir() or entry.isreg():
                        archive.extract(entry, place.parent, filter="data")
        except tarfile.ReadError as error:
            if path in archives:
                raise Damaged(f"The package state of the base cannot be read ({path}: {error}).") from error
        except (tarfile.TarError, OSError) as error:
            raise Damaged(f"The package state of the base cannot be read ({path}: {error}).") from error
    return AptSystem(folder, architecture)


class AptRun:
    """apt with a configuration of its own; made by `open_apt`."""

    def __init__(self, folder: Path, environ: Mapping[str, str], architecture: str) -> None:
        self.architecture = architecture
        self._folder = folder
        self._environ = environ

    def pin(self, versions: Mapping[str, str]) -> None:
        """Prefer these versions (name → version) over newer ones, without asking for the packages."""
        pins = (
            f"\nPackage: {name}\nPin: version {version}\nPin-Priority: 1001\n"
            for name, version in sorted(versions.items())
        )
        (self._folder / "preferences").write_text("".join(pins), encoding="utf-8")

    def follow(self, *args: str, progress: Progress) -> Completed:
        """Run apt-get, its lines told to `progress`. Raises Cancelled when progress says so."""
        lines: list[str] = []
        code = stream(
            ["apt-get", "--quiet", *args],
            on_line=lines.append,
            cancelled=lambda: progress.cancelled,
            cwd=self._folder,
            env=self._environ,
        )
        for line in lines if code else ():
            progress.log(line)
        return Completed(code, "\n".join(lines), "")

    def ask(self, *args: str) -> str:
        """Return what apt-cache says, as far as it knows the packages that are asked about. Raises Unavailable."""
        said = run(["apt-cache", *args], cwd=self._folder, env=self._environ, timeout=120)
        if not (said.ok or _UNKNOWN in said.stderr):
            raise Unavailable(
                f"The index of system packages could not be read, so nothing was changed. apt says:\n{said.stderr}"
            )
        return said.stdout

    def candidates(self, names: Sequence[str]) -> dict[str, str]:
        """Return the version that apt would take of each package that there is."""
        found: dict[str, str] = {}
        name = ""
        for line in self.ask("policy", "--", *names).splitlines() if names else ():
            if not line.startswith(" "):
                name = line.rstrip(":")
            elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
                found[name] = line.removeprefix("  Candidate: ").strip()
        return found

    def versions(self, name: str) -> list[str]:
        """Return all versions of a package that there are, as apt lists them: the newest first."""
        parts = (line.split("|") for line in self.ask("madison", "--", name).splitlines())
        return list(dict.fromkeys(part[1].strip() for part in parts if len(part) == 3))

    def facts(self, packages: Sequence[str]) -> Iterator[dict[str, str]]:
        """Yield what the index says of packages written as name:architecture=version."""
        yield from read_paragraphs(self.ask("show", "--", *packages)) if packages else ()


@contextlib.contextmanager
def open_apt(
    system: AptSystem,
    cache: Path,
    *,
    sources: Sequence[str] = (),
    lasting: bool = False,
    progress: Progress | None = None,
) -> Iterator[AptRun]:
    """Give apt for `system`; with `sources`, packages come from those lines, whose index is kept in `cache`.

    `lasting` says that what the sources name never changes (a dated snapshot). Raises Unavailable or Cancelled.
    """
    environ = {name: value for name, value in (system.environ or os.environ).items() if name not in _UNWANTED}
    architecture = system.architecture or _own_architecture(environ)
    key = hashlib.sha256("\n".join([str(system.root), architecture, *sources]).encode()).hexdigest()[:16]
    kept = cache / key
    for name in ("archives/partial", "lists/partial", "none"):
        (kept / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trailmark-apt-") as name:
        folder = Path(name)
        (folder / "sources.list").write_text("".join(f"{line}\n" for line in sources), encoding="utf-8")
        (folder / "preferences").write_text("", encoding="utf-8")
        (folder / "apt.conf").write_text(
            _configuration(system.root, folder, kept, architecture, bool(sources)), encoding="utf-8"
        )
        apt = AptRun(folder, {**environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}, architecture)
        if sources:
            _update(apt, kept, lasting, progress or NullProgress())
        elif not any((system.root / "var/lib/apt/lists").glob("*_Packages*")):
            raise Unavailable(
                "There is no index of system packages yet, so nothing can be found in it. Have it read first (as "
                "root: apt-get update), or name sources of packages. Nothing was changed."
            )
        yield apt


def _update(apt: AptRun, kept: Path, lasting: bool, progress: Progress) -> None:
    """Read the sources' index unless it was read lately. One program at a time does it."""
    mark = kept / "updated"
    with (kept / "lock").open("w") as stream:
        while not _has(stream):
            go_on(progress)
            time.sleep(_POLL_SECONDS)
        if mark.exists() and (lasting or 0 <= time.time() - mark.stat().st_mtime < _FRESH_SECONDS):
            return
        progress.step("Reading the index of system packages")
        updated = apt.follow("update", "-o", "APT::Update::Error-Mode=any", progress=progress)
        if not updated.ok:
            raise Unavailable(
                "The index of system packages could not be read, so nothing was changed. apt says:\n"
                + reason_of(updated.stdout)
            )
        mark.touch()


def _has(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _configuration(root: Path, folder: Path, kept: Path, architecture: str, own_sources: bool) -> str:
    """Return an apt.conf. None of the base's own is read: what it may run would run here."""
    etc = root / "etc" / "apt"
    settings = {
        "Dir": root,
        "Dir::Cache": kept,
        "Dir::State": root / "var/lib/apt",
        "Dir::State::lists": kept / "lists" if own_sources else root / "var/lib/apt/lists",
        "Dir::State::status": root / "var/lib/dpkg/status",
        "Dir::Etc::main": kept / "none" / "apt.conf",
        "Dir::Etc::parts": kept / "none",
        "Dir::Etc::preferences": folder / "preferences",
        "Dir::Etc::preferencesparts": kept / "none",
        "Dir::Etc::sourcelist": folder / "sources.list" if own_sources else etc / "sources.list",
        "Dir::Etc::sourceparts": kept / "none" if own_sources else etc / "sources.list.d",
        "Dir::Etc::trusted": "/etc/apt/trusted.gpg",
        "Dir::Etc::trustedparts": "/etc/apt/trusted.gpg.d",
        "APT::Architecture": architecture,
        "APT::Install-Recommends": "false",
        "APT::Get::Show-User-Simulation-Note": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()]
    return "\n".join([*lines, f'APT::Architectures {{ "{architecture}"; }};', ""])


def _own_architecture(environ: Mapping[str, str]) -> str:
    return (
        run(["dpkg", "--print-architecture"], env=environ, timeout=20).require("dpkg failed.").stdout.strip()
    )
