"""Rebuild a lock in a clean place without caches, and compare the rebuilt with what is recorded."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from trailmark.environments.installed import (
    InstalledPackage,
    altered_files,
    installed_packages,
    site_packages,
)
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.model import Lock
from trailmark.environments.prefix import forget_bytecode, read_prefix, unchecked_bytecode
from trailmark.environments.realise import InstallFailed, Realised, ensure
from trailmark.environments.uv import Uv
from trailmark.process import run
from trailmark.progress import Progress

_MISMATCH = re.compile(r"[Hh]ash mismatch for `?(?P<name>[A-Za-z0-9._-]+)")
_EXPECTED = re.compile(r"Expected:\s+(?P<hash>\S+:[0-9a-f]+)")
_COMPUTED = re.compile(r"Computed:\s+(?P<hash>\S+:[0-9a-f]+)")
_MOST_FILES = 20
_PREFIX = ".verify-"
_LIFE = "life"
# So young a folder may be one whose maker is just about to lock it.
_BEGINNING_SECONDS = 10.0


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was recorded, with the cause in a few words."""

    what: str
    cause: str
    recorded: str | None
    rebuilt: str | None


@dataclass(frozen=True)
class Recorded:
    """What is known of the environment from before.

    `packages` has the digest over the files of each package, by name; `python` is the interpreter's version;
    `made` is the environment on this machine. Each is None when nothing is known of it.
    """

    packages: Mapping[str, str] | None = None
    python: str | None = None
    made: Realised | None = None


@dataclass(frozen=True)
class Comparison:
    """What a rebuild came to: the differences, and how much was compared."""

    differences: tuple[Difference, ...]
    packages: int = 0
    files: int = 0


def compare_rebuilt(
    lock: Lock, recorded: Recorded, python: Interpreter, uv: Uv, progress: Progress, *, near: Path
) -> Comparison:
    """Rebuild in a fresh folder below `near`, with an empty cache, and compare. What was built is removed again."""
    near.mkdir(parents=True, exist_ok=True)
    clean = Uv(uv.program, {**uv.environ, "UV_NO_CACHE": "1"})
    with _fresh_folder(near) as folder:
        try:
            rebuilt = ensure(lock, home=folder, python=python, uv=clean, progress=progress)
        except InstallFailed as error:
            return Comparison((_not_installed(error),))
        progress.step("Comparing the files")
        return _compare(lock, recorded, python, rebuilt)


@contextlib.contextmanager
def _fresh_folder(near: Path) -> Iterator[Path]:
    """Make a folder that is removed at the end, and remove those whose makers were killed.

    A maker holds a lock on a file in its folder, which ends with it.
    """
    for left in near.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (left / _LIFE).open("rb") as life:
            fcntl.flock(life, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - left.stat().st_mtime > _BEGINNING_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=near, ignore_cleanup_errors=True) as folder,
        (Path(folder) / _LIFE).open("wb") as life,
    ):
        fcntl.flock(life, fcntl.LOCK_EX)
        yield Path(folder)


def _compare(lock: Lock, recorded: Recorded, python: Interpreter, rebuilt: Realised) -> Comparison:
    found = installed_packages(rebuilt.path)
    differences = [
        *_python(recorded, python),
        *_packages_of_lock(lock, found),
        *_recorded_files(recorded, found),
        *_files(rebuilt.path, found, "a file is not as its package says"),
    ]
    if recorded.made is not None:
        differences += _made_here(recorded.made, rebuilt, found)
    files = sum(len(package.files) for package in found.values())
    return Comparison(tuple(differences), len(found), files)


def hash_mismatch(said: str) -> Difference | None:
    """Return of which package uv says that it is not the one of the lock, None when it says no such thing."""
    name = _MISMATCH.search(said)
    if name is None:
        return None
    expected, computed = _EXPECTED.search(said), _COMPUTED.search(said)
    return Difference(
        canonicalize_name(name["name"]),
        "what the index has is not what the lock has",
        expected["hash"] if expected else None,
        computed["hash"] if computed else None,
    )


def _not_installed(error: InstallFailed) -> Difference:
    mismatch = hash_mismatch(error.output)
    if mismatch is not None:
        return mismatch
    lines = [line.strip() for line in error.output.strip().splitlines() if line.strip()]
    return Difference("pylock.toml", f"it could not be installed: {' '.join(lines[-3:])[:600]}", None, None)


def _python(recorded: Recorded, python: Interpreter) -> Iterator[Difference]:
    if recorded.python is not None and recorded.python != python.version:
        yield Difference("Python", "another interpreter", recorded.python, python.version)


def _packages_of_lock(lock: Lock, found: Mapping[str, InstalledPackage]) -> Iterator[Difference]:
    wanted: dict[str, str | None] = {
        canonicalize_name(one.name): one.version for one in lock.packages if one.applies()
    }
    for name in sorted(wanted.keys() | found.keys()):
        version = found[name].version if name in found else None
        if name not in wanted:
            yield Difference(name, "it is not in the lock", None, version)
        elif name not in found:
            yield Difference(name, "it was not installed", wanted[name], None)
        elif wanted[name] is not None and wanted[name] != version:
            yield Difference(name, "another version", wanted[name], version)


def _recorded_files(recorded: Recorded, found: Mapping[str, InstalledPackage]) -> Iterator[Difference]:
    for name, digest in sorted((recorded.packages or {}).items()):
        if name in found and found[name].digest != digest:
            yield Difference(name, "other files than were recorded", digest, found[name].digest)


def _files(
    environment: Path, packages: Mapping[str, InstalledPackage], cause: str, *, swap: bool = False
) -> Iterator[Difference]:
    """Yield the files that are not as RECORD says; `swap` when the environment is the recorded side."""
    for name, package in sorted(packages.items()):
        for number, (path, by_record, as_is) in enumerate(altered_files(environment, package)):
            if number == _MOST_FILES:
                yield Difference(name, f"{cause}; there are more than {_MOST_FILES}", None, None)
                break
            one, other = as_is or "missing", by_record
            yield Difference(f"{name}: {path}", cause, one if swap else other, other if swap else one)


def _made_here(
    made: Realised, rebuilt: Realised, found: Mapping[str, InstalledPackage]
) -> Iterator[Difference]:
    """Compare the environment that is in use on this machine with the rebuilt one."""
    here = installed_packages(made.path)
    version = _version_of(made.python)
    rebuilt_version = _version_of(rebuilt.python)
    if version != rebuilt_version:
        yield Difference(
            "Python", "the environment on this machine has another interpreter", version, rebuilt_version
        )
    for name in sorted(here.keys() | found.keys()):
        one, other = here.get(name), found.get(name)
        if one is None or other is None or one.version != other.version:
            cause = "the environment on this machine was changed by hand"
            yield Difference(name, cause, one.version if one else None, other.version if other else None)
        elif one.digest != other.digest:
            yield Difference(
                name, "other files on this machine than in the rebuilt", one.digest, other.digest
            )
    altered = list(_files(made.path, here, "a file on this machine was altered", swap=True))
    yield from altered
    strange = [name for name in here.keys() | found.keys() if _is_other(here.get(name), found.get(name))]
    told = {path for one in altered for path in (one.what.partition(": ")[2],)}
    owned = {path for name in strange for one in (here, found) if name in one for path in one[name].files}
    yield from _other_files(made.path, rebuilt.path, told | owned)
    for path in unchecked_bytecode(made.path)[:_MOST_FILES]:
        yield Difference(path, "bytecode that Python uses whatever its source says", "present", None)
    # Python would use what lies in its caches in the place of the files that were compared.
    forget_bytecode(made.path)


def _is_other(one: InstalledPackage | None, other: InstalledPackage | None) -> bool:
    return one is None or other is None or one.version != other.version


def _other_files(made: Path, rebuilt: Path, told: set[str]) -> Iterator[Difference]:
    """Yield what else is not the same in two environments; `told` has paths as packages name them."""
    one, other = read_prefix(made), read_prefix(rebuilt)
    root = site_packages(made).relative_to(made)
    differing = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
    as_packaged = {path: os.path.relpath(path, root) for path in differing}
    left = [path for path in differing if as_packaged[path] not in told]
    for path in left[:_MOST_FILES]:
        inside = not as_packaged[path].startswith("../")
        if path not in other:
            cause = "a file on this machine belongs to no package"
        elif path not in one:
            cause = "a file is missing on this machine"
        else:
            cause = "a file on this machine was altered"
        yield Difference(as_packaged[path] if inside else path, cause, one.get(path), other.get(path))
    if len(left) > _MOST_FILES:
        yield Difference("files", f"{len(left) - _MOST_FILES:,} more are others", None, None)


def _version_of(python: Path) -> str | None:
    said = run(
        [str(python), "-I", "-S", "-c", "import platform; print(platform.python_version())"], timeout=20
    )
    return said.stdout.strip() if said.ok else None


def supplied_by_the_system(
    python: Interpreter, release: Callable[[], Mapping[str, str]] | None = None
) -> tuple[str, ...]:
    """Return, in words, what the operating system supplies to an environment of the local engine."""
    try:
        system = (release or platform.freedesktop_os_release)().get("PRETTY_NAME", platform.system())
    except OSError:
        system = f"{platform.system()} {platform.release()}"
    library, version = platform.libc_ver()
    said = [
        f"operating system: {system}, {platform.machine()}",
        f"Python {python.version} from {python.path}",
    ]
    if library:
        said.append(f"C library: {library} {version}")
    return (*said, "every other system library that a package asks for")
